using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>One movement of money, as a client asks for it. Immutable.</summary>
/// <param name="Id">The id, made by the client.</param>
/// <param name="DebitAccount">The account that is debited.</param>
/// <param name="CreditAccount">The account that is credited.</param>
/// <param name="Amount">The amount in minor units. Zero is allowed.</param>
/// <param name="Code">A number of the caller's own, not 0.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record Transfer(
    TransferId Id, AccountAddress DebitAccount, AccountAddress CreditAccount, Amount Amount, uint Code)
{
    /// <summary>The asset that both accounts are expected to hold; none means whatever they hold.</summary>
    public Asset Asset { get; init; }

    /// <summary>The caller's own reference, at most <see cref="LedgerLimits.ReferenceLengthMax"/> characters.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The caller's own key-value pairs; see <see cref="LedgerLimits"/>.</summary>
    public Metadata Metadata { get; init; } = Metadata.Empty;

    /// <summary>What the transfer does; by default it moves the money at once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is no kind.</exception>
    public TransferKind Kind
    {
        get => (Flags & Kinds) switch
        {
            TransferFlags.None => TransferKind.Direct,
            TransferFlags.Pending => TransferKind.Hold,

            // Bits of two kinds are refused by TransferContent.CheckShape; until then it is what ends a hold.
            var bits when bits.HasFlag(TransferFlags.Expiry) => TransferKind.ExpireHold,
            var bits when bits.HasFlag(TransferFlags.VoidPending) => TransferKind.VoidHold,
            _ => TransferKind.PostHold,
        };
        init => Flags = (Flags & ~Kinds) | value switch
        {
            TransferKind.Direct => TransferFlags.None,
            TransferKind.Hold => TransferFlags.Pending,
            TransferKind.PostHold => TransferFlags.PostPending,
            TransferKind.VoidHold => TransferFlags.VoidPending,
            TransferKind.ExpireHold => TransferFlags.VoidPending | TransferFlags.Expiry,
            _ => throw new ArgumentOutOfRangeException(nameof(value), value, "No kind of transfer."),
        };
    }

    /// <summary>Moves at most what the debit account has available, and at most the amount. The default value is
    /// false.</summary>
    public bool BalancingDebit
    {
        get => Has(TransferFlags.BalancingDebit);
        init => Flags = With(TransferFlags.BalancingDebit, value);
    }

    /// <summary>Moves at most what the credit account lacks, and at most the amount. The default value is
    /// false.</summary>
    public bool BalancingCredit
    {
        get => Has(TransferFlags.BalancingCredit);
        init => Flags = With(TransferFlags.BalancingCredit, value);
    }

    /// <summary>For a hold: closes the debit account; the hold's void or expiry opens it again. The default value is
    /// false.</summary>
    public bool ClosingDebit
    {
        get => Has(TransferFlags.ClosingDebit);
        init => Flags = With(TransferFlags.ClosingDebit, value);
    }

    /// <summary>For a hold: closes the credit account; the hold's void or expiry opens it again. The default value is
    /// false.</summary>
    public bool ClosingCredit
    {
        get => Has(TransferFlags.ClosingCredit);
        init => Flags = With(TransferFlags.ClosingCredit, value);
    }

    /// <summary>For the post of a part of a hold: keeps the rest on hold, so that it can be posted in several parts.
    /// Posting all that is left ends it. The default value is false: the rest is released.</summary>
    public bool KeepRest
    {
        get => Has(TransferFlags.KeepRest);
        init => Flags = With(TransferFlags.KeepRest, value);
    }

    /// <summary>Opens the accounts that do not exist yet, together with the transfer: with its asset, which must be
    /// named, its code, and no limits. The default value is false.</summary>
    public bool OpenAccounts
    {
        get => Has(TransferFlags.OpenAccounts);
        init => Flags = With(TransferFlags.OpenAccounts, value);
    }

    /// <summary>For a post or a void: the hold that it is about. Else nil.</summary>
    /// <remarks>A post or a void may leave accounts, asset, code, reference and metadata empty: they are then the
    /// hold's. A post of <see cref="Amount.MaxValue"/>, and a void of zero, is about all of the hold.</remarks>
    public TransferId HoldId { get; init; }

    /// <summary>For a hold: how long after its own time it expires; zero means never. Whole microseconds.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>For a correction: the transfer, on the same two accounts, that this one takes back, wholly or in part;
    /// else nil.</summary>
    public TransferId Reverses { get; init; }

    /// <summary>For a correction: why. At most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When the transfer counts from a business point of view, which may be before or after it is committed;
    /// null (the default) for when it is committed. From <see cref="LedgerLimits.EffectiveTimeMin"/> to
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

    /// <summary>Whether this posts or voids a hold, or is its expiry.</summary>
    public bool ResolvesHold => Has(TransferFlags.PostPending | TransferFlags.VoidPending);

    /// <summary>Whether this voids a hold, or is its expiry.</summary>
    public bool ReleasesHold => Has(TransferFlags.VoidPending);

    /// <summary>Whether its amount depends on what its accounts have.</summary>
    public bool IsBalancing => Has(TransferFlags.BalancingDebit | TransferFlags.BalancingCredit);

    /// <summary>Whether it closes the account on one of its sides.</summary>
    /// <param name="isDebit">Whether that is the debit account.</param>
    internal bool Closes(bool isDebit) => isDebit ? ClosingDebit : ClosingCredit;

    // The kind and the properties, as they are stored, digested and compared.
    internal TransferFlags Flags { get; init; }

    private const TransferFlags Kinds =
        TransferFlags.Pending | TransferFlags.PostPending | TransferFlags.VoidPending | TransferFlags.Expiry;

    private bool Has(TransferFlags any) => (Flags & any) != TransferFlags.None;

    private TransferFlags With(TransferFlags bit, bool isSet) => isSet ? Flags | bit : Flags & ~bit;

    /// <summary>The transfer without its reference and its metadata, and without anything that keeps these in
    /// memory.</summary>
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
