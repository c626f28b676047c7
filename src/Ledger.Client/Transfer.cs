namespace Ledger.Client;

/// <summary>One movement of money: an amount taken from one account (its debit) and given to another (its credit). By
/// its kind it moves the amount at once, holds it, or decides what becomes of an earlier hold.</summary>
/// <remarks>Immutable, but for a metadata dictionary that the caller goes on changing.</remarks>
public sealed record Transfer
{
    /// <summary>As an amount: all that is left of the hold, for a post; no upper bound, for a balancing
    /// transfer.</summary>
    public static readonly UInt128 Unbounded = UInt128.MaxValue;

    /// <summary>The id, made before the first attempt and kept for every retry; see <see cref="TransferIds.New"/>. A
    /// leg of a transaction may leave it empty: it then follows from the transaction's id and the leg's
    /// place.</summary>
    public required Guid Id { get; init; }

    /// <summary>The address of the account that is debited; empty, for the post or void of a hold, for that of the
    /// hold.</summary>
    public required string DebitAccount { get; init; }

    /// <summary>The address of the account that is credited. Must differ from <see cref="DebitAccount"/>; empty, for
    /// the post or void of a hold, for that of the hold.</summary>
    public required string CreditAccount { get; init; }

    /// <summary>The amount in minor units of the asset, or <see cref="Unbounded"/>. That of a void is 0: it is always
    /// about all of the hold.</summary>
    public required UInt128 Amount { get; init; }

    /// <summary>The asset that both accounts are expected to hold, such as <c>USD/2</c>; empty (the default) for that
    /// of the accounts, whatever it is. Needed in a transaction of several legs, and with
    /// <see cref="OpenAccounts"/>.</summary>
    public string Asset { get; init; } = "";

    /// <summary>A number of the caller's own that says what kind of transfer this is. Must not be 0, but for the post
    /// or void of a hold, where 0 is that of the hold.</summary>
    public required uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Up to 16 entries; a key has 1 to 64 characters, a value at most 256; all keys and values together have
    /// at most
    /// 4,096 bytes in UTF-8. Empty by default.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ProtoMapper.NoMetadata;

    /// <summary>What the transfer does; by default it moves the money at once.</summary>
    public TransferKind Kind { get; init; }

    /// <summary>For the post or void of a hold: the hold's id. Otherwise empty, which is the default.</summary>
    public Guid HoldId { get; init; }

    /// <summary>For a hold: how long after its own time it expires, in whole microseconds; zero (the default) for
    /// never.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>Moves at most what the debit account has available, and at most the amount. The default is
    /// false.</summary>
    public bool BalancingDebit { get; init; }

    /// <summary>Moves at most what the credit account lacks, and at most the amount. The default is false.</summary>
    public bool BalancingCredit { get; init; }

    /// <summary>For a hold: closes the debit account; the hold's void or expiry opens it again. The default is
    /// false.</summary>
    public bool ClosingDebit { get; init; }

    /// <summary>For a hold: closes the credit account; the hold's void or expiry opens it again. The default is
    /// false.</summary>
    public bool ClosingCredit { get; init; }

    /// <summary>For the post of a part of a hold: keeps the rest on hold, to be posted in further parts. The default is
    /// false: the rest is released.</summary>
    public bool KeepRest { get; init; }

    /// <summary>Opens the accounts that do not exist yet, together with the transfer: with its asset and code, without
    /// limits. The default is false.</summary>
    public bool OpenAccounts { get; init; }

    /// <summary>For a correction: the transfer, on the same two accounts, that this one takes back. Otherwise empty,
    /// which is the default.</summary>
    public Guid Reverses { get; init; }

    /// <summary>For a correction: why, at most 256 characters; empty by default.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When the transfer counts from a business point of view; null (the default) for when it is committed.
    /// The ledger keeps it in whole microseconds, and takes what is finer to the next one. A post or a void has not its
    /// hold's.</summary>
    public DateTimeOffset? EffectiveTime { get; init; }

    /// <summary>Makes the post of a hold, whose accounts, asset, code, reference and metadata are those of the
    /// hold.</summary>
    /// <param name="id">The id of the post, a new one.</param>
    /// <param name="holdId">The hold.</param>
    /// <param name="amount">How much; null for all that is left.</param>
    /// <param name="keepRest">Whether what is not posted stays on hold.</param>
    public static Transfer PostHold(Guid id, Guid holdId, UInt128? amount = null, bool keepRest = false) => new()
    {
        Id = id,
        Kind = TransferKind.PostHold,
        HoldId = holdId,
        Amount = amount ?? Unbounded,
        KeepRest = keepRest,
        DebitAccount = "",
        CreditAccount = "",
        Code = 0,
    };

    /// <summary>Makes the void of a hold, whose accounts, asset, code, reference and metadata are those of the
    /// hold.</summary>
    /// <param name="id">The id of the void, a new one.</param>
    /// <param name="holdId">The hold.</param>
    public static Transfer VoidHold(Guid id, Guid holdId) => new()
    {
        Id = id,
        Kind = TransferKind.VoidHold,
        HoldId = holdId,
        Amount = UInt128.Zero,
        DebitAccount = "",
        CreditAccount = "",
        Code = 0,
    };
}
