using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Ledger.Actors.Journal;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Index;

/// <summary>Between what the index holds and what is stored of it.</summary>
internal static class IndexCodec
{
    /// <summary>The number of the stored forms, and of what the fold makes of the journal. An index of another one is
    /// emptied at the start, and made again.</summary>
    public const int Form = 1;

    private const int PairBytes = 16;

    /// <summary>What never changes of a transfer.</summary>
    public static byte[] Encode(IndexedTransfer transfer)
    {
        var stored = new StoredIndexedTransfer
        {
            Transfer = JournalCodec.ToStored(transfer.Leg, default),
            Status = (uint)transfer.Status,
            Seen = JournalCodec.ToStored(transfer.Seen),
            Principal = transfer.Principal,
        };
        if (transfer.TransactionId != transfer.Transfer.Id)
        {
            stored.TransactionId = JournalCodec.ToStored(transfer.TransactionId.Value);
        }

        if (transfer.Asset != transfer.Transfer.Asset)
        {
            stored.Asset = transfer.Asset.Text;
        }

        return stored.ToByteArray();
    }

    /// <summary>Reads a transfer.</summary>
    /// <param name="key">Its place.</param>
    /// <param name="content">What never changes of it.</param>
    /// <param name="hold">For a hold: what has become of it.</param>
    /// <param name="remaining">For a hold: what is left of it.</param>
    /// <param name="deadline">For a hold with a timeout: when it expires.</param>
    public static IndexedTransfer DecodeTransfer(
        IndexKey key, byte[] content, HoldState hold, Amount remaining, LedgerTime? deadline)
    {
        var stored = StoredIndexedTransfer.Parser.ParseFrom(content);
        var leg = JournalCodec.LegOf(stored.Transfer, default);
        return new IndexedTransfer(key, leg, (TransferStatus)stored.Status)
        {
            TransactionId = stored.TransactionId is { } transaction
                ? new TransferId(JournalCodec.Id128(transaction))
                : leg.Transfer!.Id,
            Asset = stored.Asset.Length > 0 ? JournalCodec.AssetOf(stored.Asset) : leg.Transfer!.Asset,
            Seen = JournalCodec.FromStored(stored.Seen),
            Principal = stored.Principal,
            Hold = hold,
            HoldRemaining = remaining,
            HoldDeadline = deadline,
        };
    }

    /// <summary>An account.</summary>
    public static byte[] Encode(IndexedAccount account)
    {
        var stored = new StoredIndexedAccount
        {
            Spec = JournalCodec.ToStored(account.Spec),
            OpenTime = account.OpenTime.UnixMicroseconds,
            ClosedByChange = account.ClosedByChange,
            ClosedByHold = account.ClosedByHold,
            ClosedReason = account.ClosedReason,
            Freeze = JournalCodec.ToStored(account.Freeze),
        };
        if (!account.OpenedBy.IsNil)
        {
            stored.OpenedBy = JournalCodec.ToStored(account.OpenedBy.Value);
        }

        return stored.ToByteArray();
    }

    /// <summary>Reads an account.</summary>
    public static IndexedAccount DecodeAccount(AccountAddress address, byte[] content)
    {
        var stored = StoredIndexedAccount.Parser.ParseFrom(content);
        return new IndexedAccount(JournalCodec.FromStored(stored.Spec, address), new LedgerTime(stored.OpenTime))
        {
            ClosedByChange = stored.ClosedByChange,
            ClosedByHold = stored.ClosedByHold,
            ClosedReason = stored.ClosedReason,
            Freeze = JournalCodec.FromStored(stored.Freeze),
            OpenedBy = stored.OpenedBy is { } attempt ? new TransferId(JournalCodec.Id128(attempt)) : default,
        };
    }

    /// <summary>A transaction that is prepared.</summary>
    public static byte[] Encode(PreparedKey attempt, TransactionBranch branch)
    {
        var stored = new StoredIndexedPreparation
        {
            Prepared = new StoredTransferPrepared { Transaction = JournalCodec.ToStoredTransaction(branch) },
            Principal = branch.Principal,
        };
        JournalCodec.AddLegs(stored.Prepared.Legs, branch, attempt.Coordinator);
        return stored.ToByteArray();
    }

    /// <summary>Reads a transaction that is prepared.</summary>
    public static TransactionBranch DecodePrepared(AccountAddress coordinator, byte[] content)
    {
        var stored = StoredIndexedPreparation.Parser.ParseFrom(content);
        return JournalCodec.PartOf(stored.Prepared.Legs, stored.Prepared.Transaction, coordinator, 0, stored.Principal);
    }

    /// <summary>An amount in an order that the database knows: 16 bytes, the highest first.</summary>
    public static byte[] Ordered(Amount amount)
    {
        var bytes = new byte[PairBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, amount.Value);
        return bytes;
    }

    /// <summary>Reads such an amount.</summary>
    public static Amount AmountOf(byte[] ordered) => new(BinaryPrimitives.ReadUInt128BigEndian(ordered));

    /// <summary>What a pair of metadata is looked up by: half of the SHA-256 of its key and value. Pairs are long, and
    /// each transfer may have sixteen.</summary>
    public static byte[] PairOf(string key, string value)
    {
        // No key holds a zero byte next to a value that another pair could begin with: lengths tell them apart.
        var text = Encoding.UTF8.GetBytes(key);
        var bytes = new byte[sizeof(int) + text.Length + Encoding.UTF8.GetByteCount(value)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, text.Length);
        text.CopyTo(bytes, sizeof(int));
        Encoding.UTF8.GetBytes(value, bytes.AsSpan(sizeof(int) + text.Length));
        return SHA256.HashData(bytes)[..PairBytes];
    }
}
