using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Ledger.Core;

/// <summary>What kind of transfer it is. Numbers below 4096 are TigerBeetle's; the others are this ledger's own. Stored:
/// never reuse a number.</summary>
[Flags]
[JsonConverter(typeof(JsonStringEnumConverter<TransferFlags>))]
public enum TransferFlags
{
    /// <summary>Posts at once.</summary>
    None = 0,

    /// <summary>A hold: reserves the amount until it is posted, voided or expired.</summary>
    Pending = 1 << 1,

    /// <summary>Posts a hold, wholly or in part; the rest is released unless <see cref="KeepRest"/> is set.</summary>
    PostPending = 1 << 2,

    /// <summary>Voids a hold.</summary>
    VoidPending = 1 << 3,

    /// <summary>Moves at most what the debit account has available.</summary>
    BalancingDebit = 1 << 4,

    /// <summary>Moves at most what the credit account lacks.</summary>
    BalancingCredit = 1 << 5,

    /// <summary>A hold that closes the debit account; its void or expiry reopens it.</summary>
    ClosingDebit = 1 << 6,

    /// <summary>A hold that closes the credit account; its void or expiry reopens it.</summary>
    ClosingCredit = 1 << 7,

    /// <summary>With <see cref="PostPending"/>: what is not posted stays on hold, so that a hold can be posted in several
    /// parts. Posting all that is left ends it.</summary>
    KeepRest = 1 << 12,

    /// <summary>The void that the ledger itself starts when a hold's time is up. Clients can't set it.</summary>
    Expiry = 1 << 13,

    /// <summary>Opens the accounts that do not exist yet, together with the transfer: with its asset, which must be named, its
    /// code, and no limits.</summary>
    OpenAccounts = 1 << 14,
}

/// <summary>What has become of a hold.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HoldState>))]
public enum HoldState
{
    /// <summary>The transfer is no hold.</summary>
    None,

    /// <summary>It reserves money.</summary>
    Live,

    /// <summary>It was posted.</summary>
    Posted,

    /// <summary>It was voided.</summary>
    Voided,

    /// <summary>It has expired.</summary>
    Expired,
}

/// <summary>One step of a <see cref="Transaction"/>: a transfer, or the opening of an account. Immutable.</summary>
public sealed record TransactionLeg
{
    private TransactionLeg(Transfer? transfer, AccountSpec? opening, bool ifMissing)
    {
        Transfer = transfer;
        Opening = opening;
        IfMissing = ifMissing;
    }

    /// <summary>The transfer; null for an opening.</summary>
    public Transfer? Transfer { get; }

    /// <summary>What the account is opened with; null for a transfer.</summary>
    public AccountSpec? Opening { get; }

    /// <summary>For an opening: whether an account that is there already, however it was opened, is no failure.</summary>
    public bool IfMissing { get; }

    /// <summary>Makes a leg of a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    public static TransactionLeg Of(Transfer transfer) => new(transfer, null, false);

    /// <summary>Makes a leg that opens an account.</summary>
    /// <param name="spec">What it is opened with.</param>
    /// <param name="ifMissing">Whether an account that is there already is no failure.</param>
    public static TransactionLeg Open(AccountSpec spec, bool ifMissing = false) => new(null, spec, ifMissing);
}

/// <summary>Legs that happen all or not at all, in order: each sees what those before it did. Immutable.</summary>
/// <param name="Id">The id, made by the client. It names the transaction as a whole; each transfer has its own besides.</param>
/// <param name="Legs">From 1 to <see cref="LedgerLimits.BatchMax"/> legs. Where there are several, each transfer must name its
/// asset.</param>
public sealed record Transaction(TransferId Id, ImmutableArray<TransactionLeg> Legs)
{
    /// <summary>Makes a transaction of transfers.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="transfers">The transfers, in order.</param>
    public static Transaction Of(TransferId id, params IEnumerable<Transfer> transfers) =>
        new(id, [.. transfers.Select(TransactionLeg.Of)]);

    /// <summary>The id that a leg of a transaction has when its maker gave it none: it follows from the transaction's id and
    /// the leg's place, and keeps the time of a UUIDv7.</summary>
    /// <param name="transaction">The transaction's id.</param>
    /// <param name="index">The leg's place, from 0.</param>
    public static TransferId LegId(TransferId transaction, int index) =>
        DerivedId.Make(transaction, "ledger.leg.v1\0"u8, index);

    /// <summary>The id of a chain of legs that has none of its own: it follows from what the legs say, so the same chain sent
    /// again is the same transaction.</summary>
    /// <param name="first">The id of its first transfer, whose time it keeps; nil when there is none.</param>
    /// <param name="legs">The legs.</param>
    public static TransferId ChainId(TransferId first, ImmutableArray<TransactionLeg> legs) => DerivedId.Make(
        first, "ledger.chain.v1\0"u8, unchecked((Int128)TransferContent.DigestOf(new Transaction(first, legs), alwaysWhole: true)));
}

/// <summary>What became of a transaction. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, <see cref="TransferStatus.Exists"/> for the retry of one that was
/// committed, or the reason of the leg that failed; when that leg is an opening, <see cref="TransferStatus.LinkedEventFailed"/>.</param>
/// <param name="FailedLeg">The place of the leg that failed, from 0; -1 for none.</param>
/// <param name="Time">When it was committed; when it was rejected, for a journaled rejection.</param>
/// <param name="Replayed">Whether an earlier request had decided it.</param>
/// <param name="BalanceSeen">For a journaled rejection by an account that exists: the balances that it saw.</param>
/// <param name="Legs">What became of each leg, in order. Of a rejected one, all but the leg that failed are
/// <see cref="TransferStatus.LinkedEventFailed"/>.</param>
public sealed record TransactionResult(
    TransferId Id, TransferStatus Status, int FailedLeg, LedgerTime Time, bool Replayed, Balances? BalanceSeen,
    ImmutableArray<LegResult> Legs)
{
    /// <summary>Whether the transaction is recorded. A leg that exists already, by itself, makes a transaction fail with
    /// <see cref="TransferStatus.Exists"/>; then it is not.</summary>
    public bool IsCommitted => FailedLeg < 0 && Status is (TransferStatus.Created or TransferStatus.Exists);

    /// <summary>The row that decided it, where this request wrote one: of a commit the last agent's, of a rejection that of the
    /// account that was asked. None for what an earlier request had decided.</summary>
    public RowPosition Position { get; init; }

    /// <summary>Where it was asked for and this request committed the transaction: its accounts right after it, in no promised order.
    /// One whose answer was lost on the way is not among them.</summary>
    public IReadOnlyList<AccountAfter> After { get; init; } = [];

    /// <summary>An account right after it; null where that is not told.</summary>
    /// <param name="account">The account.</param>
    public AccountAfter? AfterOf(AccountAddress account)
    {
        foreach (var after in After)
        {
            if (after.Address == account)
            {
                return after;
            }
        }

        return null;
    }
}

/// <summary>What became of one leg. Immutable.</summary>
/// <param name="Transfer">For a transfer: its outcome; else <see cref="TransferStatus.None"/>.</param>
/// <param name="Opening">For an opening: its outcome; else <see cref="AccountStatus.None"/>.</param>
/// <param name="Amount">For a transfer that is recorded: the amount that was moved, held or released.</param>
public readonly record struct LegResult(TransferStatus Transfer, AccountStatus Opening, Amount Amount);

/// <summary>A transaction as its coordinator remembers it. Immutable.</summary>
/// <param name="Transaction">The transaction, its posts and voids with what they took from their holds.</param>
/// <param name="Result">What became of it.</param>
public sealed record TransactionRecord(Transaction Transaction, TransactionResult Result)
{
    /// <summary>For each leg, see <see cref="ResolvedLeg.HoldRow"/>; a row of the coordinator. Empty where it is 0 for all of them.</summary>
    public ImmutableArray<long> HoldRows { get; init; } = [];

    /// <summary>Whether posts or voids are shown without what they leave to their holds, which would have made the answer larger than
    /// <see cref="LedgerSizes.AnswerMax"/>. Each transfer can be asked for by its own id.</summary>
    public bool IsAbridged { get; init; }

    /// <summary>Who asked for it first, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>Which movements an account refuses, and why. Immutable.</summary>
/// <param name="Debits">Whether it takes no debits.</param>
/// <param name="Credits">Whether it takes no credits.</param>
/// <param name="Reason">Why. At most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</param>
/// <param name="EndTime">When it ends by itself; null for never.</param>
public sealed record AccountFreeze(bool Debits, bool Credits, string Reason, LedgerTime? EndTime)
{
    /// <summary>Whether it still holds.</summary>
    /// <param name="now">The time.</param>
    public bool HoldsAt(LedgerTime now) => EndTime is not { } until || now < until;
}

/// <summary>A change of an account, journaled. Each sets what it names to a value, so repeating it changes nothing.</summary>
public abstract record AccountChange;

/// <summary>Freezes an account, or changes its freeze. Posted balances stay, holds can be voided and expire.</summary>
/// <param name="Freeze">What is refused; at least one of debits and credits.</param>
public sealed record FreezeAccount(AccountFreeze Freeze) : AccountChange;

/// <summary>Ends a freeze.</summary>
/// <param name="Reason">Why.</param>
public sealed record UnfreezeAccount(string Reason) : AccountChange;

/// <summary>Closes an account: it takes no transfer but the void and expiry of its holds.</summary>
/// <param name="Reason">Why.</param>
public sealed record CloseAccount(string Reason) : AccountChange;

/// <summary>Opens a closed account again.</summary>
/// <param name="Reason">Why.</param>
public sealed record ReopenAccount(string Reason) : AccountChange;

/// <summary>Sets the limits of an account. At most one of them; refused when the account breaks it already.</summary>
/// <param name="DebitsMustNotExceedCredits">See <see cref="AccountSpec.DebitsMustNotExceedCredits"/>.</param>
/// <param name="CreditsMustNotExceedDebits">See <see cref="AccountSpec.CreditsMustNotExceedDebits"/>.</param>
public sealed record SetAccountLimits(Amount? DebitsMustNotExceedCredits, Amount? CreditsMustNotExceedDebits)
    : AccountChange;

/// <summary>What became of a change.</summary>
/// <param name="Status"><see cref="AccountStatus.Changed"/>, <see cref="AccountStatus.Unchanged"/>, or why not.</param>
/// <param name="Account">The account after it; null when it does not exist.</param>
public sealed record AccountChangeResult(AccountStatus Status, AccountView? Account)
{
    /// <summary>The row that holds the change, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}

/// <summary>Ids that follow from other ids. A derived id has the time of a UUIDv7, so that it is found where that one would be, or that
/// of the moment at which it is used.</summary>
internal static class DerivedId
{
    private static readonly UInt128 LowBits = (UInt128.One << 62) - 1;

    public static TransferId Make(TransferId from, ReadOnlySpan<byte> domain, Int128 number, string text = "")
    {
        var value = Hash(from, domain, number, text);
        return from.IsTimeOrdered ? Make(from.Value >> 80, 7, value) : Make(value >> 80, 8, value);
    }

    /// <summary>Makes one of version 7 for a moment; of version 8 where that is before 1970 or after 2100.</summary>
    public static TransferId MakeAt(LedgerTime time, TransferId from, ReadOnlySpan<byte> domain, Int128 number)
    {
        var value = Hash(from, domain, number, "");
        var milliseconds = time.UnixMicroseconds / 1000;
        var dated = Make((UInt128)(ulong)Math.Max(milliseconds, 0), 7, value);
        return milliseconds >= 0 && milliseconds < 1L << 48 && dated.IsTimeOrdered ? dated : Make(value >> 80, 8, value);
    }

    private static UInt128 Hash(TransferId from, ReadOnlySpan<byte> domain, Int128 number, string text)
    {
        Span<byte> buffer = stackalloc byte[64 + 512];
        domain.CopyTo(buffer);
        var length = domain.Length;
        BinaryPrimitives.WriteUInt128BigEndian(buffer[length..], from.Value);
        BinaryPrimitives.WriteInt128BigEndian(buffer[(length + 16)..], number);
        length += 32;
        length += System.Text.Encoding.UTF8.GetBytes(text, buffer[length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer[..length], hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    // 48 bits of time, the version, 12 random bits, the variant, 62 random bits.
    private static TransferId Make(UInt128 time, uint version, UInt128 value) => new(
        (time << 80) | ((UInt128)version << 76) | ((value >> 64 & 0xFFF) << 64) | (UInt128)2 << 62 | (value & LowBits));
}
