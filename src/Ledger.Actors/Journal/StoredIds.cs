using System.Buffers;
using Google.Protobuf;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>The ids that an account remembers, as a snapshot stores them: plain ones packed, the others as messages.</summary>
/// <remarks>An account has thousands, and takes a snapshot every few seconds when it is hot: with a message for each they cost more than
/// all else of a snapshot, when it is made as when the account wakes.</remarks>
internal static class StoredIds
{
    // Id and digest, and numbers that are small in nearly all.
    private const int BytesAtMost = 5 + 32 + (3 * 10);
    private const int BytesOfMost = 38;

    /// <summary>Puts them into a snapshot.</summary>
    /// <returns>The buffer that they lie in, to be given back to the shared pool when the snapshot has been encoded.</returns>
    public static byte[] Write(
        IReadOnlyList<(TransferId Id, LedgerTime At, RememberedId What)> remembered, StoredSnapshot stored)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BytesAtMost * remembered.Count);
        var packed = new CodedOutputStream(buffer);
        var (time, sequenceNr) = (0L, 0L);
        for (var i = 0; i < remembered.Count; i++)
        {
            var (id, at, what) = remembered[i];
            if (!IsPlain(what))
            {
                packed.WriteUInt32(0);
                stored.Remembered.Add(ToStored(id, at, what));
                continue;
            }

            packed.WriteUInt32(checked((uint)what.Status + 1));
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

    /// <summary>Reads them.</summary>
    /// <exception cref="InvalidProtocolBufferException">They can't be read.</exception>
    /// <exception cref="OverflowException">A number in them can't be one.</exception>
    public static IReadOnlyList<(TransferId Id, LedgerTime At, RememberedId What)> Read(StoredSnapshot stored)
    {
        var remembered = new List<(TransferId, LedgerTime, RememberedId)>(
            Math.Max(stored.Remembered.Count, stored.RememberedPacked.Length / BytesOfMost));
        if (stored.RememberedPacked.IsEmpty)
        {
            foreach (var one in stored.Remembered)
            {
                remembered.Add(FromStored(one));
            }

            return remembered;
        }

        var packed = stored.RememberedPacked.CreateCodedInput();
        var (time, sequenceNr, next) = (0L, 0L, 0);
        while (!packed.IsAtEnd)
        {
            var status = packed.ReadUInt32();
            if (status == 0)
            {
                remembered.Add(next < stored.Remembered.Count
                    ? FromStored(stored.Remembered[next++])
                    : throw new OverflowException("More ids are left to messages than there are messages."));
                continue;
            }

            var id = Id(packed);
            var digest = Id(packed);
            time = checked(time + packed.ReadSInt64());
            var at = checked(time + packed.ReadSInt64());
            sequenceNr = checked(sequenceNr + packed.ReadSInt64());
            remembered.Add((
                new TransferId(id), new LedgerTime(at),
                new RememberedId(digest, (TransferStatus)(status - 1), new LedgerTime(time), sequenceNr)));
        }

        return next == stored.Remembered.Count
            ? remembered
            : throw new OverflowException("Fewer ids are left to messages than there are messages.");

        static UInt128 Id(CodedInputStream packed)
        {
            var high = packed.ReadFixed64();
            return new UInt128(high, packed.ReadFixed64());
        }
    }

    private static bool IsPlain(RememberedId what) => what.Details == RememberedDetails.None;

    private static StoredRemembered ToStored(TransferId id, LedgerTime at, RememberedId what)
    {
        var details = what.Details;
        return new StoredRemembered
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
            Burned = details.Burned,
            FailedLeg = (uint)(details.FailedLeg + 1),
            Hold = (uint)details.Hold,
            NeedsContent = details.NeedsContent,
        };
    }

    private static (TransferId Id, LedgerTime At, RememberedId What) FromStored(StoredRemembered r)
    {
        var details = new RememberedDetails
        {
            Asked = r.Asked is null ? null : JournalCodec.Id128(r.Asked),
            Burned = r.Burned,
            FailedLeg = (int)r.FailedLeg - 1,
            Seen = JournalCodec.FromStored(r.Seen),
            Hold = (HoldState)r.Hold,
            NeedsContent = r.NeedsContent,
        };
        if (r.FailedLeg == 0 && r.Status != (uint)TransferStatus.Created && r.Status != (uint)TransferStatus.None)
        {
            // Of a version that knew only transfers alone.
            details = details with { FailedLeg = 0, Burned = RememberedDetails.UsesUp((TransferStatus)r.Status) };
        }

        return (
            JournalCodec.Id(r.IdHigh, r.IdLow), new LedgerTime(r.At),
            new RememberedId(
                new UInt128(r.DigestHigh, r.DigestLow), (TransferStatus)r.Status, new LedgerTime(r.Time), r.SequenceNr,
                details == RememberedDetails.None ? null : details));
    }
}
