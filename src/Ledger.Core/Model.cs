using System.Collections.Immutable;
using System.Text.Json.Serialization;
using System.Text;
using Ledger.Core.Json;

namespace Ledger.Core;

/// <summary>One movement of money, as a client asks for it. Immutable.</summary>
/// <param name="Id">The id, made by the client.</param>
/// <param name="DebitAccount">The account that is debited.</param>
/// <param name="CreditAccount">The account that is credited.</param>
/// <param name="Amount">The amount in minor units. Zero is allowed.</param>
/// <param name="Code">A number of the caller's own, not 0.</param>
public sealed record Transfer(
    TransferId Id, AccountAddress DebitAccount, AccountAddress CreditAccount, Amount Amount, uint Code)
{
    /// <summary>The asset that both accounts are expected to hold; none means whatever they hold.</summary>
    public Asset Asset { get; init; }

    /// <summary>The caller's own reference, at most <see cref="LedgerLimits.ReferenceLengthMax"/> characters.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The caller's own key-value pairs; see <see cref="LedgerLimits"/>.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>What kind of transfer this is. The default value is a transfer that posts at once.</summary>
    public TransferFlags Flags { get; init; }

    /// <summary>For a post or a void: the hold that it is about. Else nil.</summary>
    /// <remarks>A post or a void may leave accounts, asset, code, reference and metadata empty: they are then the hold's.
    /// A post of <see cref="Amount.MaxValue"/>, and a void of zero, is about all of the hold.</remarks>
    public TransferId HoldId { get; init; }

    /// <summary>For a hold: how long after its own time it expires; zero means never. Whole microseconds.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>For a correction: the transfer, on the same two accounts, that this one takes back, wholly or in part; else
    /// nil.</summary>
    public TransferId Reverses { get; init; }

    /// <summary>For a correction: why. At most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When the transfer counts from a business point of view, which may be before or after it is committed; null (the
    /// default) for when it is committed. From <see cref="LedgerLimits.EffectiveTimeMin"/> to
    /// <see cref="LedgerLimits.EffectiveTimeMax"/>. It moves no money, and no limit looks at it.</summary>
    /// <remarks>It is the transfer's own: a post or a void does not have its hold's, nor a correction that of the
    /// original.</remarks>
    public LedgerTime? EffectiveTime
    {
        get => effectiveMicros == NoTime ? null : new LedgerTime(effectiveMicros);
        init => effectiveMicros = value?.UnixMicroseconds ?? NoTime;
    }

    // Half the size of what may be null: most transfers have none.
    private const long NoTime = long.MinValue;
    private readonly long effectiveMicros = NoTime;

    /// <summary>Whether this posts or voids a hold.</summary>
    public bool ResolvesHold => (Flags & (TransferFlags.PostPending | TransferFlags.VoidPending)) != TransferFlags.None;

    /// <summary>Whether its amount depends on what its accounts have.</summary>
    public bool IsBalancing => (Flags & (TransferFlags.BalancingDebit | TransferFlags.BalancingCredit)) != TransferFlags.None;

    /// <summary>The transfer without its reference and its metadata, and without anything that keeps these in memory.</summary>
    internal Transfer WithoutText() => Reference.Length == 0 && Metadata.Pairs.IsEmpty
        ? this
        : this with { Reference = "", Metadata = Metadata.Empty, Memo = default };

    /// <summary>The transfer as it is shown: with what it leaves to its hold.</summary>
    /// <param name="reference">The hold's reference.</param>
    /// <param name="metadata">The hold's metadata.</param>
    public Transfer WithTextOf(string reference, Metadata metadata) => this with
    {
        Reference = Reference.Length == 0 ? reference : Reference,
        Metadata = Metadata.Pairs.IsEmpty ? metadata : Metadata,
    };

    // See TransferContent.DigestOf. Public equality and text must not know of it.
    internal DigestMemo Memo;

    // The digest of one transfer. It names its owner, because `with` copies the memo to a transfer with other content.
    // One reference, so that threads see all of it or nothing.
    internal struct DigestMemo : IEquatable<DigestMemo>
    {
        private Entry? entry;

        public readonly bool TryGet(Transfer owner, out UInt128 digest)
        {
            if (entry is { } known && ReferenceEquals(known.Owner, owner))
            {
                digest = known.Digest;
                return true;
            }

            digest = default;
            return false;
        }

        public void Set(Transfer owner, UInt128 digest) => entry = new Entry(owner, digest);

        // Two transfers are equal whether or not somebody has asked for their digests.
        public readonly bool Equals(DigestMemo other) => true;

        public override readonly bool Equals(object? obj) => obj is DigestMemo;

        public override readonly int GetHashCode() => 0;

        private sealed class Entry(Transfer owner, UInt128 digest)
        {
            public Transfer Owner { get; } = owner;

            public UInt128 Digest { get; } = digest;
        }
    }
}

/// <summary>Key-value pairs in ordinal order of their keys. Immutable; compared by content.</summary>
[JsonConverter(typeof(MetadataJsonConverter))]
public sealed class Metadata : IEquatable<Metadata>
{
    /// <summary>No pairs.</summary>
    public static readonly Metadata Empty = new([]);

    private Metadata(ImmutableArray<KeyValuePair<string, string>> pairs) => Pairs = pairs;

    /// <summary>The pairs, in ordinal order of their keys.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Pairs { get; }

    /// <summary>Makes metadata of pairs. Their number and lengths are checked by <see cref="LedgerLimits.Check(Metadata)"/>.</summary>
    /// <param name="pairs">The pairs; keys must differ.</param>
    /// <exception cref="ArgumentException">A key is there twice.</exception>
    public static Metadata Of(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        var sorted = pairs.ToArray();
        if (sorted.Length == 0)
        {
            return Empty;
        }

        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        for (var i = 1; i < sorted.Length; i++)
        {
            if (string.Equals(sorted[i].Key, sorted[i - 1].Key, StringComparison.Ordinal))
            {
                throw new ArgumentException($"The metadata key '{sorted[i].Key}' is there twice.", nameof(pairs));
            }
        }

        return new Metadata(ImmutableArray.Create(sorted));
    }

    /// <inheritdoc/>
    public bool Equals(Metadata? other)
    {
        if (other is null || other.Pairs.Length != Pairs.Length)
        {
            return false;
        }

        for (var i = 0; i < Pairs.Length; i++)
        {
            if (!string.Equals(Pairs[i].Key, other.Pairs[i].Key, StringComparison.Ordinal)
                || !string.Equals(Pairs[i].Value, other.Pairs[i].Value, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Metadata);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var pair in Pairs)
        {
            hash.Add(pair.Key, StringComparer.Ordinal);
            hash.Add(pair.Value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }
}

/// <summary>What an account is opened with. Immutable.</summary>
/// <param name="Address">The account's address.</param>
/// <param name="Asset">The one asset that it holds.</param>
/// <param name="Code">A number of the caller's own, not 0.</param>
public sealed record AccountSpec(AccountAddress Address, Asset Asset, uint Code)
{
    /// <summary>The caller's own reference, at most <see cref="LedgerLimits.ReferenceLengthMax"/> characters.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The caller's own key-value pairs; see <see cref="LedgerLimits"/>.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>When set: posted, pending and in-doubt debits must not exceed posted credits plus this allowance.</summary>
    public Amount? DebitsMustNotExceedCredits { get; init; }

    /// <summary>When set: posted, pending and in-doubt credits must not exceed posted debits plus this allowance.</summary>
    public Amount? CreditsMustNotExceedDebits { get; init; }

    /// <summary>Whether it is opened closed: it then takes no transfer until it is reopened. The default value is
    /// false.</summary>
    public bool Closed { get; init; }
}

/// <summary>The counters of an account, in minor units. None is ever negative.</summary>
/// <param name="DebitsPending">Debits reserved by holds.</param>
/// <param name="DebitsPosted">Debits that are final.</param>
/// <param name="CreditsPending">Credits reserved by holds.</param>
/// <param name="CreditsPosted">Credits that are final.</param>
/// <param name="DebitsInDoubt">Debits of transactions that are prepared and not yet decided.</param>
/// <param name="CreditsInDoubt">Credits of transactions that are prepared and not yet decided.</param>
public readonly record struct Balances(
    Amount DebitsPending, Amount DebitsPosted, Amount CreditsPending, Amount CreditsPosted,
    Amount DebitsInDoubt, Amount CreditsInDoubt)
{
    /// <summary>Posted debits less posted credits, exactly.</summary>
    public SignedAmount Balance => SignedAmount.Difference(DebitsPosted, CreditsPosted);
}

/// <summary>The difference of two amounts, exactly: a sign and a magnitude.</summary>
/// <param name="IsNegative">Whether it is below zero.</param>
/// <param name="Magnitude">Its absolute value.</param>
[JsonConverter(typeof(SignedAmountJsonConverter))]
public readonly record struct SignedAmount(bool IsNegative, Amount Magnitude)
{
    /// <summary>Subtracts without overflow.</summary>
    /// <param name="left">The minuend.</param>
    /// <param name="right">The subtrahend.</param>
    public static SignedAmount Difference(Amount left, Amount right) =>
        left >= right ? new SignedAmount(false, left - right) : new SignedAmount(true, right - left);

    /// <summary>The decimal digits, with a minus sign when negative.</summary>
    public override string ToString() => IsNegative ? "-" + Magnitude : Magnitude.ToString();
}

/// <summary>What became of one transfer of a request. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">The outcome.</param>
/// <param name="Time">When it was committed, for created and exists; when it was rejected, for a journaled rejection.</param>
/// <param name="Replayed">Whether an earlier request had decided it.</param>
/// <param name="BalanceSeen">For a journaled rejection by an account that exists: the balances that it saw.</param>
public sealed record TransferResult(
    TransferId Id, TransferStatus Status, LedgerTime Time, bool Replayed, Balances? BalanceSeen)
{
    /// <summary>Whether the transfer is recorded.</summary>
    public bool IsCommitted => Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>For created and exists: the amount that was moved, held or released. It differs from the amount asked for
    /// where that depended on a hold or on what the accounts had.</summary>
    public Amount Amount { get; init; }

    /// <summary>The row that decided it, where this request wrote one: of a commit the last agent's, of a rejection that of the
    /// account that was asked. None for what an earlier request had decided.</summary>
    public RowPosition Position { get; init; }

    /// <summary>Where it was asked for and this request committed the transfer: the debit account right after it. Null where it was
    /// lost on the way.</summary>
    public AccountAfter? DebitAfter { get; init; }

    /// <summary>The credit account, in the same way.</summary>
    public AccountAfter? CreditAfter { get; init; }
}

/// <summary>What became of the opening of one account. Immutable.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Status">The outcome.</param>
/// <param name="Time">When it was opened, for created and exists.</param>
public sealed record OpenAccountResult(AccountAddress Address, AccountStatus Status, LedgerTime Time)
{
    /// <summary>The row that holds the opening, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}

/// <summary>An account as it was read. Immutable.</summary>
/// <param name="Spec">What it was opened with, with its limits as they are now.</param>
/// <param name="CreateTime">When it was opened.</param>
/// <param name="Balances">Its counters.</param>
/// <param name="EntryCount">How many entries its statement has.</param>
/// <param name="Version">The number of the last journal record that the answer rests on. It never falls.</param>
/// <param name="IsClosed">Whether it is closed.</param>
public sealed record AccountView(
    AccountSpec Spec, LedgerTime CreateTime, Balances Balances, ulong EntryCount, long Version, bool IsClosed)
{
    /// <summary>Why it takes no debits, no credits or neither; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>Why it was closed, when it was closed by a change of the account and not by a transfer.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>How many holds are on it.</summary>
    public int HoldCount { get; init; }

    /// <summary>What is not decided although the read has waited for it; null when the counters are final. They are then only
    /// what is decided: something may be missing that a client was told before the read began (R20).</summary>
    public AccountDoubt? Doubt { get; init; }

    /// <summary>What can still be debited, or null without a limit on debits. With something in doubt, the least that it can
    /// be.</summary>
    public Amount? AvailableDebits => Spec.DebitsMustNotExceedCredits is { } allowance
        ? AccountDecider.Headroom(
            Balances.CreditsPosted, allowance, Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt)
        : null;

    /// <summary>What can still be credited, or null without a limit on credits. With something in doubt, the least that it can
    /// be.</summary>
    public Amount? AvailableCredits => Spec.CreditsMustNotExceedDebits is { } allowance
        ? AccountDecider.Headroom(
            Balances.DebitsPosted, allowance, Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt)
        : null;
}

/// <summary>A transfer as one of its accounts remembers it. Immutable.</summary>
/// <param name="Transfer">The transfer, as it was asked for. Reference and metadata of a hold that it left them to are its own only
/// once they have been read from <see cref="HoldRow"/>.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, or the reason of its rejection.</param>
/// <param name="Time">When it was committed or rejected.</param>
/// <param name="BalanceSeen">For a rejection by an account that exists: the balances that it saw.</param>
public sealed record TransferRecord(Transfer Transfer, TransferStatus Status, LedgerTime Time, Balances? BalanceSeen)
{
    /// <summary>The amount that was moved, held or released.</summary>
    public Amount Amount { get; init; }

    /// <summary>The transaction that it is a part of; its own id when it stood alone.</summary>
    public TransferId TransactionId { get; init; }

    /// <summary>For a hold: what has become of it.</summary>
    public HoldState Hold { get; init; }

    /// <summary>For a live hold: what is left of it.</summary>
    public Amount HoldRemaining { get; init; }

    /// <summary>See <see cref="ResolvedLeg.HoldRow"/>; a row of the account whose record this is. Of a live hold, the row that has its own
    /// reference and metadata.</summary>
    public long HoldRow { get; init; }

    /// <summary>For a live hold with a timeout: when it expires; else null.</summary>
    public LedgerTime? HoldDeadline { get; init; }

    /// <summary>Who asked for it first, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>One line of a statement: one posted change of one account. Immutable.</summary>
/// <param name="Sequence">The entry's number on this account: 1, 2, 3 and so on without a hole.</param>
/// <param name="BookTime">When the account booked it; it never falls from one entry to the next.</param>
/// <param name="Transfer">The transfer that moved the money.</param>
/// <param name="Time">When that transfer was committed.</param>
/// <param name="IsDebit">Whether this account was debited.</param>
/// <param name="DebitsPosted">The account's posted debits after the entry.</param>
/// <param name="CreditsPosted">The account's posted credits after the entry.</param>
public sealed record StatementEntry(
    ulong Sequence, LedgerTime BookTime, Transfer Transfer, LedgerTime Time, bool IsDebit,
    Amount DebitsPosted, Amount CreditsPosted)
{
    /// <summary>Posted debits less posted credits after the entry.</summary>
    public SignedAmount Balance => SignedAmount.Difference(DebitsPosted, CreditsPosted);

    /// <summary>The transaction that the transfer is a part of; its own id when it stood alone.</summary>
    public TransferId TransactionId { get; init; }

    /// <summary>The asset that the account holds, whether or not the transfer named it.</summary>
    public Asset Asset { get; init; }
}

/// <summary>The limits on what a caller may send.</summary>
public static class LedgerLimits
{
    /// <summary>The most transfers, or accounts, of one request.</summary>
    public const int BatchMax = 8190;

    /// <summary>The most transfers, or legs, of one request that asks for the accounts as they are afterwards.</summary>
    public const int ReturnedBalancesMax = 2048;

    /// <summary>The longest reference, in characters.</summary>
    public const int ReferenceLengthMax = 128;

    /// <summary>The longest reason of a freeze, a closing or a correction, in characters.</summary>
    public const int ReasonLengthMax = 256;

    /// <summary>The latest time at which a hold may expire: 2262-04-11, 2^63-1 nanoseconds after the Unix epoch.</summary>
    public static readonly LedgerTime HoldDeadlineMax = new(long.MaxValue / 1000);

    /// <summary>The earliest effective time: 0001-01-01T00:00:00Z, the first moment that the API can print.</summary>
    public static readonly LedgerTime EffectiveTimeMin = LedgerTime.From(DateTimeOffset.MinValue);

    /// <summary>The latest effective time: 9999-12-31T23:59:59.999999Z, the last moment that the API can print.</summary>
    public static readonly LedgerTime EffectiveTimeMax = LedgerTime.From(DateTimeOffset.MaxValue);

    /// <summary>The most metadata pairs.</summary>
    public const int MetadataPairsMax = 16;

    /// <summary>The longest metadata key, in characters; the shortest has one.</summary>
    public const int MetadataKeyLengthMax = 64;

    /// <summary>The longest metadata value, in characters. All keys and values together have at most
    /// <see cref="LedgerSizes.MetadataMax"/> bytes in UTF-8.</summary>
    public const int MetadataValueLengthMax = 256;

    /// <summary>The largest page of a list.</summary>
    public const int PageSizeMax = 1000;

    /// <summary>Whether a text is well-formed: what is not would be stored as other text than was given.</summary>
    /// <param name="text">The text.</param>
    public static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Checks metadata against its limits.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <returns>What is wrong, in a sentence, or null.</returns>
    public static string? Check(Metadata metadata)
    {
        if (metadata.Pairs.Length > MetadataPairsMax)
        {
            return $"has {metadata.Pairs.Length} entries; at most {MetadataPairsMax} are allowed";
        }

        var bytes = 0;
        foreach (var (key, value) in metadata.Pairs)
        {
            if (key.Length is 0 or > MetadataKeyLengthMax)
            {
                return $"has a key of {key.Length} characters; 1 to {MetadataKeyLengthMax} are allowed";
            }

            if (!IsWellFormed(key) || !IsWellFormed(value))
            {
                return "holds half of a surrogate pair, which is no character";
            }

            if (value.Length > MetadataValueLengthMax)
            {
                return $"has a value of {value.Length} characters; at most {MetadataValueLengthMax} are allowed";
            }

            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
        }

        return bytes > LedgerSizes.MetadataMax
            ? $"has {bytes} bytes in UTF-8, keys and values together; at most {LedgerSizes.MetadataMax} are allowed"
            : null;
    }
}
