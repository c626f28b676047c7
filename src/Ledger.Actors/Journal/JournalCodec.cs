using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>One journal row as it is stored: the bytes are what is hashed.</summary>
internal sealed record JournalRow(ReadOnlyMemory<byte> Bytes);

/// <summary>One snapshot as it is stored.</summary>
internal sealed record SnapshotRow(ReadOnlyMemory<byte> Bytes);

/// <summary>The journal does not hold what it must: it was altered, or written by a newer version.</summary>
internal sealed class JournalCorruptException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Between the core's events and the stored messages of ledger.journal.v1.</summary>
internal static class JournalCodec
{
    public const int HashSize = SHA256.HashSizeInBytes;

    /// <summary>What the first row of a stream names as the hash of the row before: no two streams begin alike, so none
    /// can be put in another's place.</summary>
    public static byte[] GenesisHash(string persistenceId) =>
        SHA256.HashData(Encoding.UTF8.GetBytes("ledger.journal.v1\0" + persistenceId));

    public static byte[] HashOf(ReadOnlySpan<byte> row) => SHA256.HashData(row);

    public static byte[] Encode(EventBatch batch, byte[] previousHash)
    {
        var time = batch.Events[0].At.UnixMicroseconds;
        var stored = new StoredBatch
        {
            PreviousHash = UnsafeByteOperations.UnsafeWrap(previousHash),
            Time = time,
            EntriesBefore = batch.EntriesBefore,
            Before = ToStored(batch.Before),
        };
        foreach (var happened in batch.Events)
        {
            var e = ToStored(happened);
            e.Delay = checked((ulong)(happened.At.UnixMicroseconds - time));
            stored.Events.Add(e);
        }

        return stored.ToByteArray();
    }

    /// <summary>Reads a row.</summary>
    /// <exception cref="JournalCorruptException">It can't be read, or holds an event that is not known.</exception>
    public static EventBatch Decode(
        ReadOnlyMemory<byte> row, AccountAddress account, long sequenceNr, out ReadOnlyMemory<byte> previousHash)
    {
        StoredBatch stored;
        try
        {
            stored = StoredBatch.Parser.ParseFrom(row.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new JournalCorruptException($"Row {sequenceNr} of {account} can't be read.", e);
        }

        previousHash = stored.PreviousHash.Memory;
        var batch = new EventBatch(sequenceNr, stored.EntriesBefore, FromStored(stored.Before) ?? default);
        foreach (var e in stored.Events)
        {
            var at = new LedgerTime(checked(stored.Time + (long)e.Delay));
            batch.Events.Add(FromStored(e, at, account, sequenceNr));
        }

        return batch;
    }

    public static byte[] Encode(AccountSnapshot snapshot, byte[] hash)
    {
        var stored = new StoredSnapshot
        {
            SequenceNr = snapshot.SequenceNr,
            Hash = UnsafeByteOperations.UnsafeWrap(hash),
            Spec = snapshot.Spec is null ? null : ToStored(snapshot.Spec),
            OpenTime = snapshot.OpenTime.UnixMicroseconds,
            Balances = ToStored(snapshot.Balances),
            EntryCount = snapshot.EntryCount,
            LastTime = snapshot.LastTime.UnixMicroseconds,
            PreparedCount = snapshot.PreparedCount,
            WatermarkHigh = High(snapshot.Watermark.Value),
            WatermarkLow = Low(snapshot.Watermark.Value),
            HasForgottenUnordered = snapshot.HasForgottenUnordered,
            IdLeadMax = snapshot.IdLeadMax,
            IdLagMax = snapshot.IdLagMax,
        };
        foreach (var (id, at, what) in snapshot.Remembered)
        {
            stored.Remembered.Add(new StoredRemembered
            {
                IdHigh = High(id.Value),
                IdLow = Low(id.Value),
                DigestHigh = High(what.Digest),
                DigestLow = Low(what.Digest),
                Status = (uint)what.Status,
                Time = what.Time.UnixMicroseconds,
                SequenceNr = what.SequenceNr,
                At = at.UnixMicroseconds,
                Seen = ToStored(what.Seen),
            });
        }

        foreach (var doubt in snapshot.InDoubt)
        {
            stored.InDoubt.Add(new StoredInDoubt
            {
                Transfer = ToStored(doubt.Transfer),
                SequenceNr = doubt.SequenceNr,
                Number = doubt.Number,
            });
        }

        return stored.ToByteArray();
    }

    public static AccountSnapshot DecodeSnapshot(
        ReadOnlyMemory<byte> row, AccountAddress account, out byte[] hash)
    {
        StoredSnapshot stored;
        try
        {
            stored = StoredSnapshot.Parser.ParseFrom(row.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new JournalCorruptException($"A snapshot of {account} can't be read.", e);
        }

        hash = stored.Hash.ToByteArray();
        var remembered = new List<(TransferId, LedgerTime, RememberedId)>(stored.Remembered.Count);
        foreach (var r in stored.Remembered)
        {
            remembered.Add((Id(r.IdHigh, r.IdLow), new LedgerTime(r.At), new RememberedId(
                new UInt128(r.DigestHigh, r.DigestLow), (TransferStatus)r.Status, new LedgerTime(r.Time),
                r.SequenceNr, FromStored(r.Seen))));
        }

        var inDoubt = new List<InDoubtTransfer>(stored.InDoubt.Count);
        foreach (var d in stored.InDoubt)
        {
            var transfer = FromStored(d.Transfer, default, default);
            inDoubt.Add(new InDoubtTransfer(transfer, TransferContent.DigestOf(transfer), d.SequenceNr, d.Number));
        }

        return new AccountSnapshot(
            stored.SequenceNr, stored.Spec is null ? null : FromStored(stored.Spec, account),
            new LedgerTime(stored.OpenTime), FromStored(stored.Balances) ?? default, stored.EntryCount,
            new LedgerTime(stored.LastTime), stored.PreparedCount, Id(stored.WatermarkHigh, stored.WatermarkLow),
            stored.HasForgottenUnordered, remembered, inDoubt, stored.IdLeadMax, stored.IdLagMax);
    }

    public static StoredAccountSpec ToStored(AccountSpec spec)
    {
        var stored = new StoredAccountSpec
        {
            Asset = spec.Asset.Text,
            Code = spec.Code,
            Reference = spec.Reference,
            DebitsMustNotExceedCredits = ToStored(spec.DebitsMustNotExceedCredits),
            CreditsMustNotExceedDebits = ToStored(spec.CreditsMustNotExceedDebits),
        };
        AddPairs(stored.Metadata, spec.Metadata);
        return stored;
    }

    public static AccountSpec FromStored(StoredAccountSpec stored, AccountAddress account) => new(
        account, AssetOf(stored.Asset), stored.Code)
    {
        Reference = stored.Reference,
        Metadata = MetadataOf(stored.Metadata),
        DebitsMustNotExceedCredits = AmountOf(stored.DebitsMustNotExceedCredits),
        CreditsMustNotExceedDebits = AmountOf(stored.CreditsMustNotExceedDebits),
    };

    /// <summary>Stores a transfer, with the sides left out that are the stream's own account.</summary>
    public static StoredTransfer ToStored(Transfer transfer, bool ownDebit = false, bool ownCredit = false)
    {
        var stored = new StoredTransfer
        {
            IdHigh = High(transfer.Id.Value),
            IdLow = Low(transfer.Id.Value),
            AmountHigh = High(transfer.Amount.Value),
            AmountLow = Low(transfer.Amount.Value),
            Code = transfer.Code,
            Asset = transfer.Asset.Text,
            Reference = transfer.Reference,
        };
        if (!ownDebit)
        {
            stored.DebitAccount = transfer.DebitAccount.Text;
        }

        if (!ownCredit)
        {
            stored.CreditAccount = transfer.CreditAccount.Text;
        }

        AddPairs(stored.Metadata, transfer.Metadata);
        return stored;
    }

    public static Transfer FromStored(StoredTransfer stored, AccountAddress ownDebit, AccountAddress ownCredit)
    {
        var transfer = new Transfer(
            Id(stored.IdHigh, stored.IdLow),
            stored.DebitAccount.Length == 0 ? ownDebit : AddressOf(stored.DebitAccount),
            stored.CreditAccount.Length == 0 ? ownCredit : AddressOf(stored.CreditAccount),
            new Amount(new UInt128(stored.AmountHigh, stored.AmountLow)),
            stored.Code);
        if (stored.Asset.Length == 0 && stored.Reference.Length == 0 && stored.Metadata.Count == 0)
        {
            return transfer;
        }

        return transfer with
        {
            Asset = AssetOf(stored.Asset),
            Reference = stored.Reference,
            Metadata = MetadataOf(stored.Metadata),
        };
    }

    public static StoredBalances? ToStored(Balances? balances) => balances is { } b ? ToStored(b) : null;

    public static StoredBalances ToStored(Balances b) => new()
    {
        DebitsPendingHigh = High(b.DebitsPending.Value),
        DebitsPendingLow = Low(b.DebitsPending.Value),
        DebitsPostedHigh = High(b.DebitsPosted.Value),
        DebitsPostedLow = Low(b.DebitsPosted.Value),
        CreditsPendingHigh = High(b.CreditsPending.Value),
        CreditsPendingLow = Low(b.CreditsPending.Value),
        CreditsPostedHigh = High(b.CreditsPosted.Value),
        CreditsPostedLow = Low(b.CreditsPosted.Value),
        DebitsInDoubtHigh = High(b.DebitsInDoubt.Value),
        DebitsInDoubtLow = Low(b.DebitsInDoubt.Value),
        CreditsInDoubtHigh = High(b.CreditsInDoubt.Value),
        CreditsInDoubtLow = Low(b.CreditsInDoubt.Value),
    };

    public static Balances? FromStored(StoredBalances? b) => b is null
        ? null
        : new Balances(
            new Amount(new UInt128(b.DebitsPendingHigh, b.DebitsPendingLow)),
            new Amount(new UInt128(b.DebitsPostedHigh, b.DebitsPostedLow)),
            new Amount(new UInt128(b.CreditsPendingHigh, b.CreditsPendingLow)),
            new Amount(new UInt128(b.CreditsPostedHigh, b.CreditsPostedLow)),
            new Amount(new UInt128(b.DebitsInDoubtHigh, b.DebitsInDoubtLow)),
            new Amount(new UInt128(b.CreditsInDoubtHigh, b.CreditsInDoubtLow)));

    public static ulong High(UInt128 value) => (ulong)(value >> 64);

    public static ulong Low(UInt128 value) => unchecked((ulong)value);

    public static TransferId Id(ulong high, ulong low) => new(new UInt128(high, low));

    public static AccountAddress AddressOf(string text) => AccountAddress.TryParse(text, out var address)
        ? address
        : throw new JournalCorruptException($"The journal holds '{text}' as an address.");

    public static Asset AssetOf(string text) => text.Length == 0 ? default
        : Asset.TryParse(text, out var asset) ? asset
        : throw new JournalCorruptException($"The journal holds '{text}' as an asset.");

    private static StoredEvent ToStored(AccountEvent happened)
    {
        switch (happened)
        {
            case AccountOpened opened:
                return new StoredEvent { Opened = new StoredAccountOpened { Spec = ToStored(opened.Spec) } };

            case TransferPrepared prepared:
                return new StoredEvent
                {
                    Prepared = new StoredTransferPrepared { Legs = { ToStored(prepared.Transfer, ownDebit: true) } },
                };

            case AnchorCommitted committed:
                return new StoredEvent
                {
                    Committed = new StoredAnchorCommitted
                    {
                        IdHigh = High(committed.Id.Value),
                        IdLow = Low(committed.Id.Value),
                        PreparedSequenceNr = committed.PreparedSequenceNr,
                        CommitTime = committed.CommitTime.UnixMicroseconds,
                    },
                };

            case TransferAborted aborted:
                return new StoredEvent
                {
                    Aborted = new StoredTransferAborted
                    {
                        IdHigh = High(aborted.Id.Value),
                        IdLow = Low(aborted.Id.Value),
                        Reason = (uint)aborted.Reason,
                        Seen = ToStored(aborted.Seen),
                    },
                };

            case TransferRejected rejected:
                return new StoredEvent
                {
                    Rejected = new StoredTransferRejected
                    {
                        Legs = { ToStored(rejected.Transfer, ownDebit: true) },
                        Reason = (uint)rejected.Reason,
                        Seen = ToStored(rejected.Seen),
                    },
                };

            case CloserCommitted closed:
                return new StoredEvent
                {
                    CloserCommitted = new StoredCloserCommitted { Legs = { ToStored(closed.Transfer, ownCredit: true) } },
                };

            case CloserRefused refused:
                return new StoredEvent
                {
                    CloserRefused = new StoredCloserRefused
                    {
                        Legs = { ToStored(refused.Transfer, ownCredit: true) },
                        Reason = (uint)refused.Reason,
                        Seen = ToStored(refused.Seen),
                    },
                };

            default:
                throw new InvalidOperationException($"{happened.GetType().Name} has no stored form.");
        }
    }

    private static AccountEvent FromStored(StoredEvent e, LedgerTime at, AccountAddress own, long sequenceNr)
    {
        switch (e.WhatCase)
        {
            case StoredEvent.WhatOneofCase.Opened:
                return new AccountOpened(FromStored(e.Opened.Spec, own), at);
            case StoredEvent.WhatOneofCase.Prepared:
                return new TransferPrepared(OnlyLeg(e.Prepared.Legs, own, default, sequenceNr), at);
            case StoredEvent.WhatOneofCase.Committed:
                return new AnchorCommitted(
                    Id(e.Committed.IdHigh, e.Committed.IdLow), e.Committed.PreparedSequenceNr,
                    new LedgerTime(e.Committed.CommitTime), at);
            case StoredEvent.WhatOneofCase.Aborted:
                return new TransferAborted(
                    Id(e.Aborted.IdHigh, e.Aborted.IdLow), (TransferStatus)e.Aborted.Reason,
                    FromStored(e.Aborted.Seen), at);
            case StoredEvent.WhatOneofCase.Rejected:
                return new TransferRejected(
                    OnlyLeg(e.Rejected.Legs, own, default, sequenceNr), (TransferStatus)e.Rejected.Reason,
                    FromStored(e.Rejected.Seen), at);
            case StoredEvent.WhatOneofCase.CloserCommitted:
                return new CloserCommitted(OnlyLeg(e.CloserCommitted.Legs, default, own, sequenceNr), at);
            case StoredEvent.WhatOneofCase.CloserRefused:
                return new CloserRefused(
                    OnlyLeg(e.CloserRefused.Legs, default, own, sequenceNr), (TransferStatus)e.CloserRefused.Reason,
                    FromStored(e.CloserRefused.Seen), at);
            case StoredEvent.WhatOneofCase.None:
            default:
                // Written by a newer version, or altered. Going on would lose money silently.
                throw new JournalCorruptException($"Row {sequenceNr} of {own} holds an event that is not known.");
        }
    }

    private static Transfer OnlyLeg(
        RepeatedField<StoredTransfer> legs, AccountAddress ownDebit, AccountAddress ownCredit, long sequenceNr) =>
        legs.Count == 1
            ? FromStored(legs[0], ownDebit, ownCredit)
            : throw new JournalCorruptException($"Row {sequenceNr} holds a transaction of {legs.Count} transfers.");

    private static StoredAmount? ToStored(Amount? amount) => amount is { } a
        ? new StoredAmount { High = High(a.Value), Low = Low(a.Value) }
        : null;

    private static Amount? AmountOf(StoredAmount? stored) =>
        stored is null ? null : new Amount(new UInt128(stored.High, stored.Low));

    private static void AddPairs(RepeatedField<StoredPair> stored, Metadata metadata)
    {
        foreach (var (key, value) in metadata.Pairs)
        {
            stored.Add(new StoredPair { Key = key, Value = value });
        }
    }

    private static Metadata MetadataOf(RepeatedField<StoredPair> stored)
    {
        if (stored.Count == 0)
        {
            return Metadata.Empty;
        }

        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>(stored.Count);
        foreach (var pair in stored)
        {
            pairs.Add(new KeyValuePair<string, string>(pair.Key, pair.Value));
        }

        return Metadata.Of(pairs);
    }
}
