namespace Ledger.Client;

/// <summary>An account as a search finds it: without its balances.</summary>
/// <param name="Spec">What it was opened with, with its limits as they are now.</param>
/// <param name="CreateTime">When it was opened.</param>
public sealed record AccountSummary(AccountSpec Spec, DateTimeOffset CreateTime)
{
    /// <summary>Whether it is closed.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Why it was closed, when it was closed by a change of the account and not by a transfer.</summary>
    public string ClosedReason { get; init; } = "";

    /// <summary>Why it takes no debits, no credits or neither; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }
}
