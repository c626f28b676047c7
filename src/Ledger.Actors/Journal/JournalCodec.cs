using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>Between the core's events and the stored messages of ledger.journal.v1.</summary>
internal static class JournalCodec
{
    public const int HashSize = SHA256.HashSizeInBytes;

    // What stands before the bytes of the last field of a snapshot, its check: number and type, and length.
    private static readonly byte[] s_checkField = [0xBA, 0x01, HashSize];

    /// <summary>What the first row of a stream names as the hash of the row before: no two streams begin alike, so none
    /// can be put in another's place.</summary>
    public static byte[] GenesisHash(string persistenceId) =>
        SHA256.HashData(Encoding.UTF8.GetBytes("ledger.journal.v1\0" + persistenceId));

    public static byte[] HashOf(ReadOnlySpan<byte> row) => SHA256.HashData(row);

    public static byte[] Encode(EventBatch batch, byte[] previousHash, AccountAddress account)
    {
        var time = batch.Events[0].At.UnixMicroseconds;
        var stored = new StoredBatch
        {
            PreviousHash = UnsafeByteOperations.UnsafeWrap(previousHash),
            Time = time,
            EntriesBefore = batch.EntriesBefore,
            Before = batch.IsVerdict ? null : ToStored(batch.Before),
            OldestUndecidedPreparedTime = batch.OldestPrepared?.UnixMicroseconds ?? 0,
            Verdict = batch.IsVerdict,
            BehindUnread = batch.IsBehindUnread,
        };
        var principals = default(StoredPrincipals);
        foreach (var happened in batch.Events)
        {
            var e = ToStored(happened, account);
            e.Principal = principals.PlaceOf(PrincipalOf(happened));
            e.Delay = checked((ulong)(happened.At.UnixMicroseconds - time));
            stored.Events.Add(e);
        }

        stored.Principals = principals.Names;
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
        var batch = new EventBatch(sequenceNr, stored.EntriesBefore, FromStored(stored.Before) ?? default)
        {
            OldestPrepared = stored.OldestUndecidedPreparedTime is var oldest and not 0 ? new LedgerTime(oldest) : null,
            IsVerdict = stored.Verdict,
            IsBehindUnread = stored.BehindUnread,
        };
        foreach (var e in stored.Events)
        {
            var at = new LedgerTime(checked(stored.Time + (long)e.Delay));
            var principal = StoredPrincipals.At(stored.Principals, e.Principal);
            batch.Events.Add(FromStored(e, at, account, sequenceNr, principal));
        }

        return batch;
    }

    /// <summary>Reads what a row says before its events, and none of these: of a batch they are thousands.</summary>
    /// <exception cref="JournalCorruptException">It can't be read.</exception>
    public static RowHead DecodeHead(ReadOnlyMemory<byte> row, AccountAddress account, long sequenceNr)
    {
        var (time, entries, isVerdict) = (0L, 0UL, false);
        try
        {
            // What is skipped is not copied.
            using var input = new CodedInputStream(
                MemoryMarshal.TryGetArray(row, out var bytes) ? bytes.Array : row.ToArray(), bytes.Offset, row.Length);
            while (input.ReadTag() is var tag && tag != 0)
            {
                switch (WireFormat.GetTagFieldNumber(tag))
                {
                    case StoredBatch.TimeFieldNumber:
                        time = input.ReadInt64();
                        break;
                    case StoredBatch.EntriesBeforeFieldNumber:
                        entries = input.ReadUInt64();
                        break;
                    case StoredBatch.VerdictFieldNumber:
                        isVerdict = input.ReadBool();
                        break;
                    default:
                        input.SkipLastField();
                        break;
                }
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new JournalCorruptException($"Row {sequenceNr} of {account} can't be read.", e);
        }

        return new RowHead(sequenceNr, new LedgerTime(time), entries, isVerdict);
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
            HasForgottenNonTimeOrdered = snapshot.HasForgottenNonTimeOrdered,
            ForgottenUpTo = snapshot.ForgottenUpTo.UnixMicroseconds,
            NewestIndexedId = snapshot.NewestIndexed.SequenceNr > 0 ? ToStored(snapshot.NewestIndexed.Id.Value) : null,
            NewestIndexedRow = snapshot.NewestIndexed.SequenceNr,
        };
        stored.OpenedWith = snapshot.OpenedWith == snapshot.Spec || snapshot.OpenedWith is null
            ? null
            : ToStored(snapshot.OpenedWith);
        stored.Closed = snapshot.Closed;
        stored.ClosedByHold = snapshot.ClosedByHold;
        stored.ClosedReason = snapshot.ClosedReason;
        stored.Freeze = ToStored(snapshot.Freeze);
        var buffer = StoredIds.Write(snapshot.RememberedEarly, snapshot.Remembered, stored);
        var principals = default(StoredPrincipals);
        foreach (var doubt in snapshot.InDoubt)
        {
            var inDoubt = new StoredInDoubt
            {
                Principal = principals.PlaceOf(doubt.Branch.Principal),
                SequenceNr = doubt.SequenceNr,
                Number = doubt.Number,
                Transaction = ToStoredTransaction(doubt.Branch),
                DebitReserve = ToStored((Amount?)doubt.DebitReserve),
                CreditReserve = ToStored((Amount?)doubt.CreditReserve),
                PreparedTime = doubt.PreparedTime.UnixMicroseconds,
            };
            AddLegs(inDoubt.Legs, doubt.Branch, account: default);
            stored.InDoubt.Add(inDoubt);
        }

        // There may be a hundred thousand: what follows from the rest is left out.
        var own = snapshot.Spec?.Address ?? default;
        foreach (var hold in snapshot.Holds)
        {
            stored.Holds.Add(new StoredHold
            {
                Transfer = ToStored(hold.Transfer, own),
                Remaining = hold.Remaining == hold.Amount ? null : ToStored((Amount?)hold.Remaining),
                Amount = hold.Amount == hold.Transfer.Amount ? null : ToStored((Amount?)hold.Amount),
                Deadline = ToStoredDeadline(hold.Deadline),
                SequenceNr = hold.SequenceNr,
                Time = hold.Time.UnixMicroseconds,
                TransactionId = hold.TransactionId == hold.Transfer.Id ? null : ToStored(hold.TransactionId.Value),
                HasReference = hold.HasReference,
                HasMetadata = hold.HasMetadata,
                Principal = principals.PlaceOf(hold.Principal),
            });
        }

        stored.Principals = principals.Names;
        var length = stored.CalculateSize();
        var bytes = new byte[length + s_checkField.Length + HashSize];
        stored.WriteTo(bytes.AsSpan(0, length));
        s_checkField.CopyTo(bytes.AsSpan(length));
        SHA256.HashData(bytes.AsSpan(0, length), bytes.AsSpan(length + s_checkField.Length));
        ArrayPool<byte>.Shared.Return(buffer);
        return bytes;
    }

    /// <summary>Reads what can be read of a snapshot without knowing whose it is.</summary>
    /// <param name="bytes">The snapshot.</param>
    /// <param name="isPacked">Whether its ids are packed, and it ends with a check: so it does under
    /// <see cref="LedgerSerializer.SnapshotManifest"/>.</param>
    /// <exception cref="JournalCorruptException">It can't be read, or was damaged.</exception>
    public static ParsedSnapshot ReadSnapshot(ReadOnlyMemory<byte> bytes, bool isPacked)
    {
        try
        {
            if (isPacked)
            {
                // No invariant would notice an id that is missing.
                CheckSnapshot(bytes.Span);
            }

            var stored = StoredSnapshot.Parser.ParseFrom(bytes.Span);
            foreach (var doubt in stored.InDoubt)
            {
                if (doubt.Transfer is { } alone)
                {
                    doubt.Legs.Add(alone);
                    doubt.Transfer = null;
                }
            }

            var (early, remembered) = isPacked ? StoredIds.Read(stored) : ([], StoredIds.ReadUnpacked(stored));
            return new ParsedSnapshot(stored, remembered, early);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or OverflowException)
        {
            throw new JournalCorruptException("A snapshot can't be read.", e);
        }
    }

    private static void CheckSnapshot(ReadOnlySpan<byte> bytes)
    {
        var length = bytes.Length - s_checkField.Length - HashSize;
        if (length < 0 || !bytes.Slice(length, s_checkField.Length).SequenceEqual(s_checkField)
            || !SHA256.HashData(bytes[..length]).AsSpan().SequenceEqual(bytes[^HashSize..]))
        {
            throw new JournalCorruptException("A snapshot is not what was stored.");
        }
    }

    /// <summary>Makes an account's state of a snapshot that was read.</summary>
    public static AccountSnapshot DecodeSnapshot(ParsedSnapshot parsed, AccountAddress account, out byte[] hash)
    {
        var stored = parsed.Stored;
        hash = stored.Hash.ToByteArray();
        var inDoubt = new List<InDoubtTransaction>(stored.InDoubt.Count);
        foreach (var d in stored.InDoubt)
        {
            var part = PartOf(
                d.Legs, d.Transaction, account, d.SequenceNr, StoredPrincipals.At(stored.Principals, d.Principal));
            inDoubt.Add(InDoubtTransaction.Restore(
                part, d.SequenceNr, d.Number,
                AmountOf(d.DebitReserve) ?? part.Legs[0].Amount, AmountOf(d.CreditReserve) ?? Amount.Zero,
                new LedgerTime(d.PreparedTime)));
        }

        var spec = stored.Spec is null ? null : FromStored(stored.Spec, account);
        return new AccountSnapshot(
            stored.SequenceNr, spec,
            new LedgerTime(stored.OpenTime), FromStored(stored.Balances) ?? default, stored.EntryCount,
            new LedgerTime(stored.LastTime), stored.PreparedCount, Id(stored.WatermarkHigh, stored.WatermarkLow),
            stored.HasForgottenNonTimeOrdered, parsed.Remembered, inDoubt)
        {
            RememberedEarly = parsed.Early,
            ForgottenUpTo = new LedgerTime(stored.HasForgottenUpTo ? stored.ForgottenUpTo : stored.LastTime),
            NewestIndexed = stored.NewestIndexedId is null
                ? default
                : new IndexedId(new TransferId(Id128(stored.NewestIndexedId)), stored.NewestIndexedRow),
            OpenedWith = stored.OpenedWith is null ? spec : FromStored(stored.OpenedWith, account),
            Closed = stored.Closed,
            ClosedByHold = stored.ClosedByHold,
            ClosedReason = stored.ClosedReason,
            Freeze = FromStored(stored.Freeze),
            Holds = [.. stored.Holds.Select(hold => FromStored(hold, stored, account))],
        };
    }

    private static Hold FromStored(StoredHold stored, StoredSnapshot snapshot, AccountAddress account)
    {
        // Snapshots of before hold the text too, which is in the row.
        var transfer = FromStored(stored.Transfer, account);
        var amount = AmountOf(stored.Amount) ?? transfer.Amount;
        return new Hold(
            transfer.WithoutText(), AmountOf(stored.Remaining) ?? amount, DeadlineOf(stored.Deadline),
            stored.SequenceNr,
            new LedgerTime(stored.Time), stored.TransactionId is { } id ? new TransferId(Id128(id)) : transfer.Id)
        {
            Amount = amount,
            HasReference = stored.HasReference || transfer.Reference.Length > 0,
            HasMetadata = stored.HasMetadata || !transfer.Metadata.Pairs.IsEmpty,
            Principal = StoredPrincipals.At(snapshot.Principals, stored.Principal),
        };
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
            Closed = spec.IsClosed,
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
        IsClosed = stored.Closed,
    };

    /// <summary>Stores a transfer, with the side left out that is the stream's own account.</summary>
    public static StoredTransfer ToStored(Transfer transfer, AccountAddress own = default)
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
            Flags = (uint)transfer.Flags,
            Reason = transfer.Reason,
            Timeout = transfer.Timeout.Ticks / TimeSpan.TicksPerMicrosecond,
        };
        if (transfer.DebitAccount.IsNone)
        {
            stored.NoDebitAccount = true;
        }
        else if (transfer.DebitAccount != own)
        {
            stored.DebitAccount = transfer.DebitAccount.Text;
        }

        if (transfer.CreditAccount.IsNone)
        {
            stored.NoCreditAccount = true;
        }
        else if (transfer.CreditAccount != own)
        {
            stored.CreditAccount = transfer.CreditAccount.Text;
        }

        if (!transfer.HoldId.IsNil)
        {
            stored.PendingId = ToStored(transfer.HoldId.Value);
        }

        if (!transfer.Reverses.IsNil)
        {
            stored.Reverses = ToStored(transfer.Reverses.Value);
        }

        if (transfer.EffectiveTime is { } effective)
        {
            stored.EffectiveTime = effective.UnixMicroseconds;
        }

        AddPairs(stored.Metadata, transfer.Metadata);
        return stored;
    }

    public static Transfer FromStored(StoredTransfer stored, AccountAddress own)
    {
        var transfer = new Transfer(
            Id(stored.IdHigh, stored.IdLow),
            stored.DebitAccount.Length > 0 ? AddressOf(stored.DebitAccount) : stored.NoDebitAccount ? default : own,
            stored.CreditAccount.Length > 0 ? AddressOf(stored.CreditAccount) : stored.NoCreditAccount ? default : own,
            new Amount(new UInt128(stored.AmountHigh, stored.AmountLow)),
            stored.Code);
        if (stored.Asset.Length > 0 || stored.Reference.Length > 0 || stored.Metadata.Count > 0)
        {
            transfer = transfer with
            {
                Asset = AssetOf(stored.Asset),
                Reference = stored.Reference,
                Metadata = MetadataOf(stored.Metadata),
            };
        }

        if (stored.Flags != 0 || stored.Timeout != 0 || stored.PendingId is not null || stored.Reverses is not null
            || stored.Reason.Length > 0)
        {
            transfer = transfer with
            {
                Flags = (TransferFlags)stored.Flags,
                Timeout = TimeSpan.FromTicks(checked(stored.Timeout * TimeSpan.TicksPerMicrosecond)),
                HoldId = stored.PendingId is null ? default : new TransferId(Id128(stored.PendingId)),
                Reverses = stored.Reverses is null ? default : new TransferId(Id128(stored.Reverses)),
                Reason = stored.Reason,
            };
        }

        if (stored.HasEffectiveTime)
        {
            transfer = transfer with { EffectiveTime = new LedgerTime(stored.EffectiveTime) };
        }

        return transfer;
    }

    // ---------------------------------------------------------------- transactions

    /// <summary>Stores legs, with the sides left out that are the stream's own account.</summary>
    public static void AddLegs(RepeatedField<StoredTransfer> legs, TransactionBranch part, AccountAddress account)
    {
        foreach (var leg in part.Legs)
        {
            legs.Add(ToStored(leg, account));
        }
    }

    /// <summary>Stores a leg, with the side left out that is the stream's own account.</summary>
    public static StoredTransfer ToStored(ResolvedLeg leg, AccountAddress account)
    {
        if (leg.Transfer is not { } transfer)
        {
            return new StoredTransfer
            {
                Index = (uint)leg.Index,
                DebitAccount = leg.Opening!.Address.Text,
                Opening = ToStored(leg.Opening),
                IfMissing = leg.IfMissing,
            };
        }

        var stored = ToStored(transfer, account);
        stored.Index = (uint)leg.Index;
        stored.Moved = leg.Amount == transfer.Amount ? null : ToStored((Amount?)leg.Amount);
        stored.HoldRemaining = leg.HoldRemaining.IsZero ? null : ToStored((Amount?)leg.HoldRemaining);
        stored.Deadline = ToStoredDeadline(leg.Deadline);
        stored.Bound = (uint)leg.Bound;
        stored.HoldRow = leg.HoldRow;
        return stored;
    }

    /// <summary>What the legs do not say; null where they say it all.</summary>
    public static StoredTransaction? ToStoredTransaction(TransactionBranch part)
    {
        if (part is { Attempt: 0, IsAlone: true } && part.Legs[0].Transfer!.DebitAccount == part.Coordinator
            && part.Asked == part.Digest)
        {
            return null;
        }

        return new StoredTransaction
        {
            Id = ToStored(part.Id.Value),
            Attempt = part.Attempt,
            Coordinator = part.Coordinator.Text,
            LegCount = (uint)part.LegCount,
            Asked = ToStored(part.Asked),
            Digest = part.DigestOfWhole is { } digest ? ToStored(digest) : null,
        };
    }

    public static TransactionBranch PartOf(
        RepeatedField<StoredTransfer> stored, StoredTransaction? transaction, AccountAddress own, long sequenceNr,
        string principal = "")
    {
        if (stored.Count == 0 || (transaction is null && stored.Count > 1))
        {
            throw new JournalCorruptException(
                $"Row {sequenceNr} of {own} holds a transaction of {stored.Count} legs without a name.");
        }

        var legs = ImmutableArray.CreateBuilder<ResolvedLeg>(stored.Count);
        foreach (var leg in stored)
        {
            legs.Add(LegOf(leg, own));
        }

        var part = new TransactionBranch
        {
            Id = transaction is null ? legs[0].Transfer!.Id : new TransferId(Id128(transaction.Id)),
            Attempt = transaction?.Attempt ?? 0,
            Coordinator = transaction is null ? legs[0].Transfer!.DebitAccount : AddressOf(transaction.Coordinator),
            LegCount = (int)(transaction?.LegCount ?? 1),
            Asked = transaction is null ? default : Id128(transaction.Asked),
            DigestOfWhole = transaction?.Digest is { } digest ? Id128(digest) : null,
            Legs = legs.MoveToImmutable(),
            Principal = principal,
        };
        return transaction is null ? part with { Asked = part.Digest } : part;
    }

    /// <summary>Reads a leg.</summary>
    public static ResolvedLeg LegOf(StoredTransfer stored, AccountAddress own)
    {
        if (stored.Opening is { } opening)
        {
            return new ResolvedLeg((int)stored.Index, null, FromStored(opening, AddressOf(stored.DebitAccount)))
            {
                IfMissing = stored.IfMissing,
            };
        }

        var transfer = FromStored(stored, own);
        return new ResolvedLeg((int)stored.Index, transfer, null)
        {
            Amount = AmountOf(stored.Moved) ?? transfer.Amount,
            HoldRemaining = AmountOf(stored.HoldRemaining) ?? Amount.Zero,
            Deadline = stored.Deadline != 0 ? new LedgerTime(stored.Deadline)
                : transfer.Kind == TransferKind.Hold ? LedgerTime.MaxValue
                : default,
            Bound = (AmountBound)stored.Bound,
            HoldRow = stored.HoldRow,
        };
    }

    private static long ToStoredDeadline(LedgerTime deadline) =>
        deadline == LedgerTime.MaxValue ? 0 : deadline.UnixMicroseconds;

    private static LedgerTime DeadlineOf(long stored) => stored == 0 ? LedgerTime.MaxValue : new LedgerTime(stored);

    public static StoredFreeze? ToStored(AccountFreeze? freeze) => freeze is null
        ? null
        : new StoredFreeze
        {
            Debits = freeze.Debits,
            Credits = freeze.Credits,
            Reason = freeze.Reason,
            Until = freeze.EndTime?.UnixMicroseconds ?? 0,
        };

    public static AccountFreeze? FromStored(StoredFreeze? stored) => stored is null
        ? null
        : new AccountFreeze(
            stored.Debits, stored.Credits, stored.Reason, stored.Until == 0 ? null : new LedgerTime(stored.Until));

    public static StoredAccountChanged ToStored(AccountChange change) => change switch
    {
        FreezeAccount(var freeze) => new StoredAccountChanged { Freeze = ToStored(freeze) },
        UnfreezeAccount(var reason) => new StoredAccountChanged { Unfreeze = reason },
        CloseAccount(var reason) => new StoredAccountChanged { Close = reason },
        ReopenAccount(var reason) => new StoredAccountChanged { Reopen = reason },
        SetAccountLimits limits => new StoredAccountChanged
        {
            Limits = new StoredLimits
            {
                DebitsMustNotExceedCredits = ToStored(limits.DebitsMustNotExceedCredits),
                CreditsMustNotExceedDebits = ToStored(limits.CreditsMustNotExceedDebits),
            },
        },
        _ => throw new InvalidOperationException($"{change.GetType().Name} has no stored form."),
    };

    public static AccountChange FromStored(StoredAccountChanged stored) => stored.ChangeCase switch
    {
        StoredAccountChanged.ChangeOneofCase.Freeze => new FreezeAccount(FromStored(stored.Freeze)!),
        StoredAccountChanged.ChangeOneofCase.Unfreeze => new UnfreezeAccount(stored.Unfreeze),
        StoredAccountChanged.ChangeOneofCase.Close => new CloseAccount(stored.Close),
        StoredAccountChanged.ChangeOneofCase.Reopen => new ReopenAccount(stored.Reopen),
        StoredAccountChanged.ChangeOneofCase.Limits => new SetAccountLimits(
            AmountOf(stored.Limits.DebitsMustNotExceedCredits), AmountOf(stored.Limits.CreditsMustNotExceedDebits)),
        _ => throw new JournalCorruptException("A change of an account is not known."),
    };

    public static StoredId ToStored(UInt128 value) => new() { High = High(value), Low = Low(value) };

    public static UInt128 Id128(StoredId stored) => new(stored.High, stored.Low);

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

    // Of what the ledger was asked for. What ends it rests on a row that says so already.
    private static string PrincipalOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => prepared.Branch.Principal,
        LastAgentCommitted closed => closed.Branch.Principal,
        LastAgentRefused refused => refused.Branch.Principal,
        TransactionRejected rejected => rejected.Branch.Principal,
        AccountOpened opened => opened.Principal,
        AccountChanged changed => changed.Principal,
        HoldExtended extended => extended.Principal,
        _ => "",
    };

    private static StoredEvent ToStored(AccountEvent happened, AccountAddress own)
    {
        switch (happened)
        {
            case AccountOpened opened:
                return new StoredEvent { Opened = new StoredAccountOpened { Spec = ToStored(opened.Spec) } };

            case AccountChanged changed:
                return new StoredEvent { Changed = ToStored(changed.Change) };

            case HoldExtended extended:
                return new StoredEvent
                {
                    HoldExtended = new StoredHoldExtended
                    {
                        HoldId = ToStored(extended.HoldId.Value), Deadline = extended.Deadline.UnixMicroseconds,
                    },
                };

            case TransactionPrepared prepared:
                var stored = new StoredTransferPrepared { Transaction = ToStoredTransaction(prepared.Branch) };
                AddLegs(stored.Legs, prepared.Branch, own);
                return new StoredEvent { Prepared = stored };

            case TransactionCommitted committed:
                return new StoredEvent
                {
                    Committed = new StoredTransactionCommitted
                    {
                        EndedHolds = { committed.EndedHolds.Select(static id => ToStored(id.Value)) },
                        IdHigh = High(committed.Key.Value),
                        IdLow = Low(committed.Key.Value),
                        PreparedSequenceNr = committed.PreparedSequenceNr,
                        CommitTime = committed.CommitTime.UnixMicroseconds,
                    },
                };

            case TransactionAborted aborted:
                return new StoredEvent
                {
                    Aborted = new StoredTransferAborted
                    {
                        IdHigh = High(aborted.Key.Value),
                        IdLow = Low(aborted.Key.Value),
                        Reason = (uint)aborted.Reason,
                        FailedLeg = LegNumber(aborted.Leg),
                        Seen = ToStored(aborted.Seen),
                    },
                };

            case TransactionRejected rejected:
                var storedRejected = new StoredTransferRejected
                {
                    Reason = (uint)rejected.Reason,
                    FailedLeg = LegNumber(rejected.Leg),
                    Seen = ToStored(rejected.Seen),
                    Transaction = ToStoredTransaction(rejected.Branch),
                };
                AddLegs(storedRejected.Legs, rejected.Branch, own);
                return new StoredEvent { Rejected = storedRejected };

            case LastAgentCommitted closed:
                var storedClosed = new StoredLastAgentCommitted
                {
                    Transaction = ToStoredTransaction(closed.Branch),
                    CommitTime = closed.CommitTime == closed.At ? 0 : closed.CommitTime.UnixMicroseconds,
                };
                AddLegs(storedClosed.Legs, closed.Branch, own);
                return new StoredEvent { LastAgentCommitted = storedClosed };

            case LastAgentRefused refused:
                var storedRefused = new StoredLastAgentRefused
                {
                    Reason = (uint)refused.Reason,
                    FailedLeg = LegNumber(refused.Leg),
                    Seen = ToStored(refused.Seen),
                    Transaction = ToStoredTransaction(refused.Branch),
                };
                AddLegs(storedRefused.Legs, refused.Branch, own);
                return refused.Verdict is not { } verdict
                    ? new StoredEvent { LastAgentRefused = storedRefused }
                    : new StoredEvent
                    {
                        Verdict = new StoredOperatorVerdict
                        {
                            Refused = storedRefused, By = verdict.By, Reason = verdict.Reason,
                        },
                    };

            case AbortRecorded disowned:
                return new StoredEvent
                {
                    AbortRecorded = new StoredAbortRecorded
                    {
                        Key = ToStored(disowned.Key.Value), Digest = ToStored(disowned.Digest),
                    },
                };

            default:
                throw new InvalidOperationException($"{happened.GetType().Name} has no stored form.");
        }
    }

    private static AccountEvent FromStored(
        StoredEvent e, LedgerTime at, AccountAddress own, long sequenceNr, string principal)
    {
        switch (e.WhatCase)
        {
            case StoredEvent.WhatOneofCase.Opened:
                return new AccountOpened(FromStored(e.Opened.Spec, own), at) { Principal = principal };
            case StoredEvent.WhatOneofCase.Changed:
                return new AccountChanged(FromStored(e.Changed), at) { Principal = principal };
            case StoredEvent.WhatOneofCase.HoldExtended:
                return new HoldExtended(
                    new TransferId(Id128(e.HoldExtended.HoldId)), new LedgerTime(e.HoldExtended.Deadline), at)
                {
                    Principal = principal,
                };
            case StoredEvent.WhatOneofCase.Prepared:
                return new TransactionPrepared(
                    PartOf(e.Prepared.Legs, e.Prepared.Transaction, own, sequenceNr, principal), at);
            case StoredEvent.WhatOneofCase.Committed:
                return new TransactionCommitted(
                    Id(e.Committed.IdHigh, e.Committed.IdLow), e.Committed.PreparedSequenceNr,
                    new LedgerTime(e.Committed.CommitTime), at)
                {
                    EndedHolds = [.. e.Committed.EndedHolds.Select(static id => new TransferId(Id128(id)))],
                };
            case StoredEvent.WhatOneofCase.Aborted:
                return new TransactionAborted(
                    Id(e.Aborted.IdHigh, e.Aborted.IdLow), LegOf(e.Aborted.FailedLeg, e.Aborted.Reason),
                    (TransferStatus)e.Aborted.Reason, FromStored(e.Aborted.Seen), at);
            case StoredEvent.WhatOneofCase.Rejected:
                return new TransactionRejected(
                    PartOf(e.Rejected.Legs, e.Rejected.Transaction, own, sequenceNr, principal),
                    LegOf(e.Rejected.FailedLeg, e.Rejected.Reason), (TransferStatus)e.Rejected.Reason,
                    FromStored(e.Rejected.Seen), at);
            case StoredEvent.WhatOneofCase.LastAgentCommitted:
                var committed = new LastAgentCommitted(
                    PartOf(e.LastAgentCommitted.Legs, e.LastAgentCommitted.Transaction, own, sequenceNr, principal),
                    at);
                return e.LastAgentCommitted.CommitTime is var commitTime and not 0
                    ? committed with { CommitTime = new LedgerTime(commitTime) }
                    : committed;
            case StoredEvent.WhatOneofCase.LastAgentRefused:
                return FromStored(e.LastAgentRefused, at, own, sequenceNr, principal);
            case StoredEvent.WhatOneofCase.Verdict when e.Verdict.Refused is { } refused:
                return FromStored(refused, at, own, sequenceNr, principal) with
                {
                    Verdict = new OperatorVerdict(e.Verdict.By, e.Verdict.Reason),
                };
            case StoredEvent.WhatOneofCase.AbortRecorded:
                return new AbortRecorded(
                    new TransferId(Id128(e.AbortRecorded.Key)), Id128(e.AbortRecorded.Digest), at);
            case StoredEvent.WhatOneofCase.Verdict:
            case StoredEvent.WhatOneofCase.None:
            default:
                // Written by a newer version, or altered. Going on would lose money silently.
                throw new JournalCorruptException($"Row {sequenceNr} of {own} holds an event that is not known.");
        }
    }

    private static LastAgentRefused FromStored(
        StoredLastAgentRefused stored, LedgerTime at, AccountAddress own, long sequenceNr, string principal) => new(
        PartOf(stored.Legs, stored.Transaction, own, sequenceNr, principal), LegOf(stored.FailedLeg, stored.Reason),
        (TransferStatus)stored.Reason, FromStored(stored.Seen), at);

    // An attempt that was abandoned has no reason, and no leg that failed.
    private static uint LegNumber(int leg) => leg < 0 ? 0 : (uint)leg;

    private static int LegOf(uint stored, uint reason) => reason == 0 ? -1 : (int)stored;

    public static StoredAmount? ToStored(Amount? amount) => amount is { } a
        ? new StoredAmount { High = High(a.Value), Low = Low(a.Value) }
        : null;

    public static Amount? AmountOf(StoredAmount? stored) =>
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
