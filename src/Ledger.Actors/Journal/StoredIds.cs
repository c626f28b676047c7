using System.Buffers;
using Google.Protobuf;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>The ids that an account remembers, as a snapshot stores them: plain ones packed, the others as
/// messages.</summary>
/// <remarks>An account has thousands, and takes a snapshot several times a second when it is very hot: with a message
/// for each they cost more than all else of a snapshot, when it is made as when the account wakes.</remarks>
internal static class StoredIds
{
    private const uint Packed = 1;
    private const uint Committed = 2;
    private const uint NeedsContent = 4;
    private const int HoldShift = 3;
    private const uint HoldMask = 7;
    private const uint Early = 64;

    // Form, id and digest, and three numbers that take a byte or two each, mostly, and ten at most.
    private const int EntryBytesMax = 5 + 32 + (3 * 10);
    private const int EntryBytesMin = 1 + 32 + 3;

    /// <summary>Puts them into a snapshot.</summary>
    /// <returns>The buffer that they lie in, to be given back to the shared pool when the snapshot has been
    /// encoded.</returns>
    public static byte[] Write(
        IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> early,
        IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> remembered, StoredSnapshot stored)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(EntryBytesMax * (early.Count + remembered.Count));
        var packed = new CodedOutputStream(buffer);
        var (time, sequenceNr) = (0L, 0L);
        for (var i = 0; i < early.Count + remembered.Count; i++)
        {
            var isEarly = i < early.Count;
            var (id, at, what) = isEarly ? early[i] : remembered[i - early.Count];
            var form = FormOf(what);
            packed.WriteUInt32(form == 0 || !isEarly ? form : form | Early);
            if (form == 0)
            {
                var message = ToStored(id, at, what);
                message.Early = isEarly;
                stored.Remembered.Add(message);
                continue;
            }

            packed.WriteFixed64(JournalCodec.High(id.Value));
            packed.WriteFixed64(JournalCodec.Low(id.Value));
            packed.WriteFixed64(JournalCodec.High(what.Digest));
            packed.WriteFixed64(JournalCodec.Low(what.Digest));
            packed.WriteSInt64(what.Time.UnixMicroseconds - time);
            packed.WriteSInt64(at.UnixMicroseconds - what.Time.UnixMicroseconds);
            packed.WriteSInt64(what.SequenceNr - sequenceNr);
            (time, sequenceNr) = (what.Time.UnixMicroseconds, what.SequenceNr);
        }

        packed.Flush();
        stored.RememberedPacked = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, checked((int)packed.Position)));
        return buffer;
    }

    /// <summary>Reads those of a snapshot of the first form, a message for each.</summary>
    public static IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> ReadUnpacked(
        StoredSnapshot stored) =>
        [.. stored.Remembered.Select(static one => FromStored(one, isUnpacked: true))];

    /// <summary>Reads them.</summary>
    /// <exception cref="InvalidProtocolBufferException">They end too early.</exception>
    /// <exception cref="OverflowException">A number in them can't be one.</exception>
    /// <exception cref="JournalCorruptException">They can't be of this snapshot.</exception>
    public static (IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Early,
        IReadOnlyList<(TransferId Id, LedgerTime At, IdempotencyRecord What)> Remembered) Read(StoredSnapshot stored)
    {
        var early = new List<(TransferId, LedgerTime, IdempotencyRecord)>();
        var remembered = new List<(TransferId, LedgerTime, IdempotencyRecord)>(
            stored.RememberedPacked.Length / EntryBytesMin);
        var packed = stored.RememberedPacked.CreateCodedInput();
        var (time, sequenceNr, next) = (0L, 0L, 0);
        while (!packed.IsAtEnd)
        {
            var form = packed.ReadUInt32();
            if (form == 0)
            {
                Require(next < stored.Remembered.Count);
                var message = stored.Remembered[next++];
                (message.Early ? early : remembered).Add(FromStored(message, isUnpacked: false));
                continue;
            }

            var hold = (HoldState)(form >> HoldShift & HoldMask);
            Require((form & Packed) != 0 && form < Early * 2 && hold <= HoldState.Expired);
            var id = Id(packed);
            var digest = Id(packed);
            time = checked(time + packed.ReadSInt64());
            var at = checked(time + packed.ReadSInt64());
            sequenceNr = checked(sequenceNr + packed.ReadSInt64());
            Require(sequenceNr >= 1 && sequenceNr <= stored.SequenceNr);
            var needsContent = (form & NeedsContent) != 0;
            ((form & Early) != 0 ? early : remembered).Add((
                new TransferId(id), new LedgerTime(at),
                new IdempotencyRecord(
                    digest, (form & Committed) != 0 ? TransferStatus.Created : TransferStatus.None,
                    new LedgerTime(time), sequenceNr,
                    needsContent || hold != HoldState.None
                    ? new IdempotencyDetails { NeedsContent = needsContent, Hold = hold }
                    : null)));
        }

        Require(next == stored.Remembered.Count);
        return (early, remembered);

        static void Require(bool holds)
        {
            if (!holds)
            {
                throw new JournalCorruptException("The ids of a snapshot can't be read.");
            }
        }

        static UInt128 Id(CodedInputStream packed)
        {
            var high = packed.ReadFixed64();
            return new UInt128(high, packed.ReadFixed64());
        }
    }

    // 0 for what only a message can say.
    private static uint FormOf(IdempotencyRecord what)
    {
        var details = what.Details;
        var isPackable = what.Status is TransferStatus.Created or TransferStatus.None
            && (ReferenceEquals(details, IdempotencyDetails.None)
                || details with { NeedsContent = false, Hold = HoldState.None } == IdempotencyDetails.None);
        return isPackable
            ? Packed | (what.Status == TransferStatus.Created ? Committed : 0) | (details.NeedsContent
                ? NeedsContent
                : 0)
                | ((uint)details.Hold << HoldShift)
            : 0;
    }

    private static StoredIdempotencyRecord ToStored(TransferId id, LedgerTime at, IdempotencyRecord what)
    {
        var details = what.Details;
        return new StoredIdempotencyRecord
        {
            IdHigh = JournalCodec.High(id.Value),
            IdLow = JournalCodec.Low(id.Value),
            DigestHigh = JournalCodec.High(what.Digest),
            DigestLow = JournalCodec.Low(what.Digest),
            Status = (uint)what.Status,
            Time = what.Time.UnixMicroseconds,
            SequenceNr = what.SequenceNr,
            At = at.UnixMicroseconds,
            Seen = JournalCodec.ToStored(details.Seen),
            Asked = details.Asked is { } asked ? JournalCodec.ToStored(asked) : null,
            IdConsumed = details.IsIdConsumed,
            FailedLeg = (uint)(details.FailedLeg + 1),
            Hold = (uint)details.Hold,
            NeedsContent = details.NeedsContent,
        };
    }

    private static (TransferId Id, LedgerTime At, IdempotencyRecord What) FromStored(
        StoredIdempotencyRecord r, bool isUnpacked)
    {
        var details = new IdempotencyDetails
        {
            Asked = r.Asked is null ? null : JournalCodec.Id128(r.Asked),
            IsIdConsumed = r.IdConsumed,
            FailedLeg = (int)r.FailedLeg - 1,
            Seen = JournalCodec.FromStored(r.Seen),
            Hold = (HoldState)r.Hold,
            NeedsContent = r.NeedsContent,
        };
        if (isUnpacked && r.FailedLeg == 0 && r.Status != (uint)TransferStatus.Created
            && r.Status != (uint)TransferStatus.None)
        {
            // Of a version that knew only transfers alone.
            details =
                details with { FailedLeg = 0, IsIdConsumed = IdempotencyDetails.ConsumesId((TransferStatus)r.Status) };
        }

        return (
            JournalCodec.Id(r.IdHigh, r.IdLow), new LedgerTime(r.At),
            new IdempotencyRecord(
                new UInt128(r.DigestHigh, r.DigestLow), (TransferStatus)r.Status, new LedgerTime(r.Time), r.SequenceNr,
                details == IdempotencyDetails.None ? null : details));
    }
}
