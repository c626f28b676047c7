using System.Text;

namespace Ledger.Core;

/// <summary>How many bytes things have once they are encoded, at most, without encoding them (R17).</summary>
/// <remarks>
/// <para>What is journaled, what accounts send each other and what clients are answered are protobuf messages of other
/// layers, whose fields are counted here: each number is an upper bound of theirs, and close to it. All addresses are
/// counted, although a row leaves out that of its own stream. Who adds a field to one of the messages adds it here; a
/// property compares the two.</para>
/// <para>Pure, thread-safe, and without allocation.</para>
/// </remarks>
internal static class EncodedSize
{
    // A field's number and type, up to 15 and above.
    private const int Tag = 1;
    private const int FarTag = 2;

    // Two halves of 8 bytes with their tags, and as a message of its own.
    private const int Halves = 18;
    private const int Id = Tag + 1 + Halves;
    private const int IdText = 36;
    private const int Varint64 = 10;
    private const int Varint32 = 5;

    // Twelve halves; in decimal six numbers of at most 39 digits.
    private const int StoredBalances = Tag + 2 + (12 * (Tag + Varint64));
    private const int PublicBalances = Tag + 2 + (6 * (Tag + 1 + DigitsMax));
    private const int DigitsMax = 39;
    private const int Timestamp = Tag + 1 + (Tag + Varint64) + (Tag + Varint32);

    // Around each event: its place in the row, its delay, its kind, and whose it is.
    private const int EventFrame = (2 * (Tag + Varint32)) + Tag + Varint64 + FarTag + Varint32;

    // What the legs of a transaction do not say, but for the coordinator's address.
    private const int TransactionFrame = Tag + 2 + (3 * Id) + Tag + Varint64 + Tag + 2 + (2 * (Tag + Varint32));

    private const int PublicFrame = Tag + Varint32 + Tag + 1 + IdText;

    /// <summary>What a row says besides its events: the hash of the row before, counters, counts and times.</summary>
    public const int Row = 512;

    /// <summary>The larger of the journaled and the public form of a transaction as it is asked for. What a post or a
    /// void leaves to its hold, other than reference and metadata, which are never copied, counts at its
    /// longest.</summary>
    /// <param name="transaction">The transaction, with the openings that its transfers ask for.</param>
    public static int OfTransaction(Transaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        long stored = TransactionFrame + AccountAddress.LengthMax;
        long shown = PublicFrame;
        foreach (var leg in transaction.Legs)
        {
            Add(leg.Transfer, leg.Opening, ref stored, ref shown);
        }

        return Saturated(Math.Max(stored, shown));
    }

    /// <summary>The larger of the journaled and the public form of a transaction as its coordinator has resolved
    /// it.</summary>
    /// <param name="branch">The transaction.</param>
    public static int OfTransaction(TransactionBranch branch)
    {
        ArgumentNullException.ThrowIfNull(branch);
        long shown = PublicFrame;
        foreach (var leg in branch.Legs)
        {
            shown += PublicLeg(leg.Transfer, leg.Opening);
        }

        return Saturated(Math.Max(StoredPart(branch), shown));
    }

    /// <summary>The same of a transaction as it is asked for: its coordinator can't resolve it to anything
    /// larger.</summary>
    /// <param name="branch">The transaction.</param>
    public static int OfAsked(TransactionBranch branch)
    {
        ArgumentNullException.ThrowIfNull(branch);
        long stored = TransactionFrame + branch.Coordinator.Text.Length;
        long shown = PublicFrame;
        foreach (var leg in branch.Legs)
        {
            Add(leg.Transfer, leg.Opening, ref stored, ref shown);
        }

        return Saturated(Math.Max(stored, shown));
    }

    private static void Add(Transfer? transfer, AccountSpec? opening, ref long stored, ref long shown)
    {
        if (transfer is null)
        {
            stored += Message(StoredOpening(opening!));
            shown += PublicLeg(null, opening);
            return;
        }

        var inherited = Inherited(transfer);
        stored += Message(StoredTransfer(transfer) + inherited + Resolved(transfer));
        shown += Message(Message(PublicTransfer(transfer) + inherited));
    }

    /// <summary>An event as a part of its row.</summary>
    /// <param name="happened">The event.</param>
    public static int OfEvent(AccountEvent happened) => Saturated(EventFrame + happened switch
    {
        TransactionPrepared prepared => StoredPart(prepared.Branch) + Text(prepared.Branch.Principal),
        LastAgentCommitted closed => StoredPart(closed.Branch) + Tag + Varint64 + Text(closed.Branch.Principal),
        TransactionCommitted committed =>
            Halves + (2 * (Tag + Varint64)) + (2 * (FarTag + Varint64)) + (committed.EndedHolds.Count * (long)Id),
        TransactionAborted => Halves + (2 * (Tag + Varint32)) + StoredBalances,
        TransactionRejected rejected =>
            StoredPart(rejected.Branch) + (2 * (Tag + Varint32)) + StoredBalances + Text(rejected.Branch.Principal),
        LastAgentRefused refused =>
            StoredPart(refused.Branch) + (2 * (Tag + Varint32)) + StoredBalances + Text(refused.Branch.Principal)
            + (refused.Verdict is { } verdict ? Message(Text(verdict.By) + Text(verdict.Reason)) : 0),
        AbortRecorded => 2 * Id,
        AccountOpened opened => Message(StoredSpec(opened.Spec)) + Text(opened.Principal),
        AccountChanged changed => OfChange(changed.Change) + Text(changed.Principal),
        HoldExtended extended => Id + Tag + Varint64 + Text(extended.Principal),
        _ => throw new ArgumentException($"{happened?.GetType().Name} has no size.", nameof(happened)),
    });

    /// <summary>A transfer that stands alone in the larger of its journaled and its public form.</summary>
    /// <param name="transfer">The transfer.</param>
    public static int OfTransfer(Transfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        return Saturated(
            Math.Max(StoredTransfer(transfer) + Resolved(transfer), PublicTransfer(transfer)) + Inherited(transfer));
    }

    /// <summary>An entry of a statement as a part of its answer.</summary>
    /// <param name="entry">The entry.</param>
    public static int OfEntry(StatementEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return Saturated(Message(
            Message(PublicTransfer(entry.Transfer)) + (2 * Timestamp) + Tag + Varint64 + Tag + Varint32
            + (3 * (Tag + 2 + DigitsMax)) + FarTag + 1 + IdText + Tag + 1 + Asset.LengthMax));
    }

    /// <summary>An account as a part of the answer that shows it.</summary>
    /// <param name="account">The account.</param>
    public static int OfAccount(Account account)
    {
        ArgumentNullException.ThrowIfNull(account);
        return Saturated(Message(
            Message(PublicSpec(account.Spec)) + (2 * Timestamp) + PublicBalances + (3 * (Tag + 2 + DigitsMax))
            + (3 * (Tag + Varint64)) + (3 * (Tag + 1)) + Message(Text(account.Freeze?.Reason ?? ""))
            + Text(account.ClosedReason) + (account.Doubt is { } doubt ? OfDoubt(doubt) : 0)));
    }

    // Instead of the balances, that are counted above.
    private static int OfDoubt(AccountDoubt doubt)
    {
        var size = FarTag + Varint32 + (2 * PublicBalances) + (Tag + Varint32) + Timestamp;
        foreach (var one in doubt.Transactions)
        {
            var with = one.With.Sum(static account => Text(account.Text));
            size += Message(
                (2 * (Tag + 1 + IdText)) + Timestamp + Text(one.Coordinator.Text) + with + (4 * (Tag + 3 + DigitsMax)));
        }

        return size;
    }

    /// <summary>A transaction as it is answered when it is looked up, with what became of each leg.</summary>
    /// <param name="record">The transaction.</param>
    public static int OfRecord(TransactionRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return Saturated(
            PublicTransaction(record.Transaction) + OfResult + (record.Transaction.Legs.Length * (long)OfLegResult)
            + Text(record.Principal));
    }

    /// <summary>What became of one leg, as a part of an answer.</summary>
    public const int OfLegResult = Tag + 1 + (Tag + 1 + IdText) + (2 * (Tag + 2)) + (Tag + 1 + DigitsMax);

    /// <summary>What became of a transaction, but for its legs.</summary>
    public const int OfResult = (2 * (Tag + Varint32)) + (Tag + 1 + IdText) + (2 * (Tag + Varint32)) + Timestamp + Tag
        + 1 + PublicBalances;

    /// <summary>How many more bytes the lengths of a transfer, its leg and its transaction can take once text is
    /// added.</summary>
    public const int OfGrownLengths = 8;

    /// <summary>A reference and metadata that are shown with a transfer, since it leaves them to its hold.</summary>
    /// <param name="reference">The reference; empty when it is not shown.</param>
    /// <param name="metadata">The metadata; empty when they are not shown.</param>
    public static int OfText(string reference, Metadata metadata) => Saturated(Text(reference) + Pairs(metadata));

    // ---------------------------------------------------------------- journal

    private static long StoredPart(TransactionBranch branch)
    {
        long size = TransactionFrame + branch.Coordinator.Text.Length;
        foreach (var leg in branch.Legs)
        {
            size += leg.Transfer is { } transfer
                ? Message(StoredTransfer(transfer)
                    + (leg.Amount == transfer.Amount ? 0 : FarAmount(leg.Amount))
                    + (leg.HoldRemaining.IsZero ? 0 : FarAmount(leg.HoldRemaining))
                    + (leg.Deadline == default || leg.Deadline == LedgerTime.MaxValue ? 0 : FarTag + Varint64)
                    + (leg.Bound == AmountBound.None ? 0 : FarTag + 1)
                    + (leg.HoldRow == 0 ? 0 : FarTag + Varint64))
                : Message(StoredOpening(leg.Opening!));
        }

        return size;
    }

    // What is not known before a leg is resolved.
    private static int Resolved(Transfer transfer) =>
        (transfer.ResolvesHold ? (2 * FarAmount(Amount.MaxValue)) + FarTag + Varint64
            : transfer.IsBalancing || !transfer.Reverses.IsNil ? FarAmount(Amount.MaxValue) + FarTag + 1
            : 0)
        + (transfer.Timeout == TimeSpan.Zero ? 0 : FarTag + Varint64);

    // What a post or a void may leave to its hold, and then has of its own.
    private static int Inherited(Transfer transfer) => !transfer.ResolvesHold ? 0
        : (transfer.DebitAccount.IsNone ? AccountAddress.LengthMax : 0)
            + (transfer.CreditAccount.IsNone ? AccountAddress.LengthMax : 0)
            + (transfer.Asset.IsNone ? Tag + 1 + Asset.LengthMax : 0)
            + (transfer.Code == 0 ? Varint32 : 0);

    private static int StoredTransfer(Transfer transfer)
    {
        var size = Halves + Address(transfer.DebitAccount) + Address(transfer.CreditAccount)
            + NearAmount(transfer.Amount) + Tag + Varint(transfer.Code) + FarTag + 3;
        size += transfer.Asset.IsNone ? 0 : Tag + 1 + transfer.Asset.Text.Length;
        size += Text(transfer.Reference) + Pairs(transfer.Metadata);
        if (transfer.Flags != TransferFlags.None)
        {
            size += Tag + 3;
        }

        size += transfer.HoldId.IsNil ? 0 : Id;
        size += transfer.Reverses.IsNil ? 0 : Id;
        size += transfer.Timeout == TimeSpan.Zero ? 0 : Tag + Varint64;
        size += transfer.EffectiveTime is null ? 0 : FarTag + Varint64;
        return size + Text(transfer.Reason);
    }

    private static int StoredOpening(AccountSpec spec) =>
        FarTag + 3 + Address(spec.Address) + FarTag + 3 + StoredSpec(spec) + FarTag + 1;

    private static int StoredSpec(AccountSpec spec) =>
        (spec.Asset.IsNone ? 0 : Tag + 1 + spec.Asset.Text.Length) + Tag + Varint(spec.Code) + Text(spec.Reference)
        + Pairs(spec.Metadata)
        + (spec.DebitsMustNotExceedCredits is { } debits ? FarAmount(debits) : 0)
        + (spec.CreditsMustNotExceedDebits is { } credits ? FarAmount(credits) : 0)
        + (spec.IsClosed ? Tag + 1 : 0);

    private static int OfChange(AccountChange change) => change switch
    {
        FreezeAccount(var freeze) => Message(Text(freeze.Reason) + (2 * (Tag + 1)) + Tag + Varint64),
        UnfreezeAccount(var reason) => Text(reason) + Tag + 1,
        CloseAccount(var reason) => Text(reason) + Tag + 1,
        ReopenAccount(var reason) => Text(reason) + Tag + 1,
        SetAccountLimits => Message(2 * FarAmount(Amount.MaxValue)),
        _ => throw new ArgumentException($"{change?.GetType().Name} has no size.", nameof(change)),
    };

    // None is said by a flag, which is shorter than any address.
    private static int Address(AccountAddress address) =>
        address.IsNone ? FarTag + 1 : Tag + (address.Text.Length < 128 ? 1 : 2) + address.Text.Length;

    private static int NearAmount(Amount amount) =>
        Half((ulong)(amount.Value >> 64)) + Half(unchecked((ulong)amount.Value));

    private static int FarAmount(Amount amount) => FarTag + 1 + NearAmount(amount);

    private static int Half(ulong half) => half == 0 ? 0 : Tag + Varint(half);

    // ---------------------------------------------------------------- public

    private static long PublicTransaction(Transaction transaction)
    {
        long size = PublicFrame;
        foreach (var leg in transaction.Legs)
        {
            size += PublicLeg(leg.Transfer, leg.Opening);
        }

        return size;
    }

    private static int PublicLeg(Transfer? transfer, AccountSpec? opening) =>
        Message(Message(transfer is not null ? PublicTransfer(transfer) : PublicOpening(opening!)));

    private static int PublicTransfer(Transfer transfer)
    {
        var size = (Tag + 1 + IdText) + Address(transfer.DebitAccount) + Address(transfer.CreditAccount)
            + Tag + 1 + Digits(transfer.Amount) + Tag + Varint(transfer.Code);
        size += transfer.Asset.IsNone ? 0 : Tag + 1 + transfer.Asset.Text.Length;
        size += Text(transfer.Reference) + Pairs(transfer.Metadata);
        if (transfer.Flags != TransferFlags.None)
        {
            size += (5 * (Tag + 1)) + (2 * (FarTag + 1));
        }

        size += transfer.HoldId.IsNil ? 0 : Tag + 1 + IdText;
        size += transfer.Reverses.IsNil ? 0 : FarTag + 1 + IdText;
        size += transfer.Timeout == TimeSpan.Zero ? 0 : Timestamp;
        size += transfer.EffectiveTime is null ? 0 : 1 + Timestamp;
        return size + (transfer.Reason.Length == 0 ? 0 : Tag + Text(transfer.Reason));
    }

    private static int PublicOpening(AccountSpec spec) => Message(PublicSpec(spec)) + Tag + 1;

    private static int PublicSpec(AccountSpec spec) =>
        Address(spec.Address) + (spec.Asset.IsNone ? 0 : Tag + 1 + spec.Asset.Text.Length) + Tag + Varint(spec.Code)
        + Text(spec.Reference) + Pairs(spec.Metadata)
        + (spec.DebitsMustNotExceedCredits is { } debits ? (2 * (Tag + 1)) + Digits(debits) : 0)
        + (spec.CreditsMustNotExceedDebits is { } credits ? (2 * (Tag + 1)) + Digits(credits) : 0)
        + (spec.IsClosed ? Tag + 1 : 0);

    // Of as many bits, without a division: 1233 / 4096 is a little less than the logarithm of 2.
    private static int Digits(Amount amount) => ((128 - (int)UInt128.LeadingZeroCount(amount.Value)) * 1233 >> 12) + 1;

    // ---------------------------------------------------------------- both

    private static int Text(string text)
    {
        if (text.Length == 0)
        {
            return 0;
        }

        var bytes = Encoding.UTF8.GetByteCount(text);
        return Tag + Varint((uint)bytes) + bytes;
    }

    // An empty value is written by the public form alone.
    private static int Pairs(Metadata metadata)
    {
        var size = 0;
        foreach (var (key, value) in metadata.Pairs)
        {
            size += Message(Text(key) + (value.Length == 0 ? Tag + 1 : Text(value)));
        }

        return size;
    }

    private static int Message(int content) => Tag + Varint((uint)content) + content;

    private static int Varint(ulong value)
    {
        var size = 1;
        for (; value > 127; value >>= 7)
        {
            size++;
        }

        return size;
    }

    private static int Saturated(long size) => size > int.MaxValue ? int.MaxValue : (int)size;
}
