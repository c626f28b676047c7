using System.Numerics;

namespace Ledger.Client;

/// <summary>What an account is opened with.</summary>
public sealed record AccountSpec
{
    /// <summary>The address: segments of <c>A-Z a-z 0-9 _ -</c>, joined by <c>:</c>, at most 128 characters.</summary>
    public required string Address { get; init; }

    /// <summary>The one asset that the account holds: a code and its decimal places, such as <c>USD/2</c>.</summary>
    public required string Asset { get; init; }

    /// <summary>A number of the caller's own that says what kind of account this is. Must not be 0.</summary>
    public required uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Up to 16 entries; a key has 1 to 64 characters, a value at most 256; all keys and values together have at most
    /// 4,096 bytes in UTF-8. Empty by default.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ProtoMapper.NoMetadata;

    /// <summary>When given: debits, reserved ones included, must not exceed posted credits plus the allowance.</summary>
    public AccountLimit? DebitsMustNotExceedCredits { get; init; }

    /// <summary>When given: credits, reserved ones included, must not exceed posted debits plus the allowance.</summary>
    public AccountLimit? CreditsMustNotExceedDebits { get; init; }

    /// <summary>Whether the account is opened closed: it then takes no transfer until it is reopened. The default is
    /// false.</summary>
    public bool IsClosed { get; init; }
}

/// <summary>A limit on one side of an account.</summary>
/// <param name="Allowance">How far the limit may be exceeded (an overdraft), in minor units. The default is 0.</param>
public readonly record struct AccountLimit(UInt128 Allowance);

/// <summary>What became of one account that was to be opened.</summary>
/// <param name="Address">The address that the request gave.</param>
/// <param name="Status">The outcome.</param>
/// <param name="CreateTime">When the account was opened, if it is open with this content; otherwise null.</param>
public sealed record OpenAccountResult(string Address, AccountStatus Status, DateTimeOffset? CreateTime)
{
    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome. Empty for
    /// what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Whether the account is open with the content that was asked for, since now or since before.</summary>
    public bool IsOpen => Status is AccountStatus.Created or AccountStatus.Exists;
}

/// <summary>The counters of an account, in minor units. None is ever negative.</summary>
/// <param name="DebitsPending">Debits reserved by holds.</param>
/// <param name="DebitsPosted">Debits that are final.</param>
/// <param name="CreditsPending">Credits reserved by holds.</param>
/// <param name="CreditsPosted">Credits that are final.</param>
/// <param name="DebitsInDoubt">Debits of transactions that are not yet decided. They count against limits.</param>
/// <param name="CreditsInDoubt">Credits of transactions that are not yet decided. They can't be spent.</param>
public readonly record struct Balances(
    UInt128 DebitsPending,
    UInt128 DebitsPosted,
    UInt128 CreditsPending,
    UInt128 CreditsPosted,
    UInt128 DebitsInDoubt,
    UInt128 CreditsInDoubt);

/// <summary>An account and its balances, as of one moment.</summary>
public sealed record Account
{
    /// <summary>What it was opened with, with its limits as they are now.</summary>
    public required AccountSpec Spec { get; init; }

    /// <summary>When it was opened.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>Its counters. With a <see cref="Doubt"/>, what is decided of them: they are not final.</summary>
    public required Balances Balances { get; init; }

    /// <summary>Posted debits less posted credits, in minor units. Negative for an account that was credited more. With a
    /// <see cref="Doubt"/>, of what is decided.</summary>
    public required BigInteger Balance { get; init; }

    /// <summary>What is in doubt on the account, so that its counters are not final; null when they are.
    /// <see cref="LedgerClient.GetAccountAsync"/> gives such an account only to who asks for it with
    /// <see cref="RequestOptions.AllowInDoubt"/>.</summary>
    public AccountDoubt? Doubt { get; init; }

    /// <summary>What can still be debited; null when the account has no limit on its debits. With a <see cref="Doubt"/>, the
    /// least that it can be.</summary>
    public BigInteger? AvailableDebits { get; init; }

    /// <summary>What can still be credited; null when the account has no limit on its credits. With a <see cref="Doubt"/>, the
    /// least that it can be.</summary>
    public BigInteger? AvailableCredits { get; init; }

    /// <summary>How many entries its statement has.</summary>
    public required ulong EntryCount { get; init; }

    /// <summary>The number of the last journal record that this answer rests on. It never falls.</summary>
    public required ulong Version { get; init; }

    /// <summary>Whether the account is closed.</summary>
    public required bool IsClosed { get; init; }

    /// <summary>What it refuses and why; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>Why it was closed, when that was done by a change of the account and not by a transfer; otherwise empty.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>How many live holds are on it.</summary>
    public int HoldCount { get; init; }
}

/// <summary>Which transfers an account refuses, and why.</summary>
public sealed record AccountFreeze
{
    /// <summary>Whether it takes no debits.</summary>
    public bool Debits { get; init; }

    /// <summary>Whether it takes no credits.</summary>
    public bool Credits { get; init; }

    /// <summary>Why, at most 256 characters; empty by default.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When the freeze ends by itself; null (the default) for never.</summary>
    public DateTimeOffset? EndTime { get; init; }
}

/// <summary>What became of the change of an account.</summary>
/// <param name="Status"><see cref="AccountStatus.Changed"/>, <see cref="AccountStatus.Unchanged"/>, or why not.</param>
/// <param name="Account">The account after it; null when it does not exist.</param>
public sealed record AccountChangeResult(AccountStatus Status, Account? Account)
{
    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome. Empty for
    /// what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Whether the account is as was asked, since now or since before.</summary>
    public bool IsApplied => Status is AccountStatus.Changed or AccountStatus.Unchanged;
}
