using System.Numerics;

namespace Ledger.Client;

/// <summary>An account and its balances, as of one moment.</summary>
public sealed record Account
{
    /// <summary>What it was opened with, with its limits as they are now.</summary>
    public required AccountSpec Spec { get; init; }

    /// <summary>When it was opened.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>Its counters. With a <see cref="Doubt"/>, what is decided of them: they are not final.</summary>
    public required Balances Balances { get; init; }

    /// <summary>Posted debits less posted credits, in minor units. Negative for an account that was credited more. With
    /// a
    /// <see cref="Doubt"/>, of what is decided.</summary>
    public required BigInteger Balance { get; init; }

    /// <summary>What is in doubt on the account, so that its counters are not final; null when they are.
    /// <see cref="LedgerClient.GetAccountAsync"/> gives such an account only to who asks for it with
    /// <see cref="RequestOptions.AllowInDoubt"/>.</summary>
    public AccountDoubt? Doubt { get; init; }

    /// <summary>What can still be debited; null when the account has no limit on its debits. With a
    /// <see cref="Doubt"/>, the least that it can be.</summary>
    public BigInteger? AvailableDebits { get; init; }

    /// <summary>What can still be credited; null when the account has no limit on its credits. With a
    /// <see cref="Doubt"/>, the least that it can be.</summary>
    public BigInteger? AvailableCredits { get; init; }

    /// <summary>How many entries its statement has.</summary>
    public required ulong EntryCount { get; init; }

    /// <summary>The number of the last journal record that this answer rests on. It never falls.</summary>
    public required ulong Version { get; init; }

    /// <summary>Whether the account is closed.</summary>
    public required bool IsClosed { get; init; }

    /// <summary>What it refuses and why; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>Why it was closed, when that was done by a change of the account and not by a transfer; otherwise
    /// empty.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>How many live holds are on it.</summary>
    public int HoldCount { get; init; }
}
