namespace Ledger;

/// <summary>An account as the index has it: without its counters, of which the account alone can tell.
/// Immutable.</summary>
/// <param name="Spec">What it was opened with, with its limits as they are now.</param>
/// <param name="CreateTime">When it was opened.</param>
/// <param name="IsClosed">Whether it is closed.</param>
public sealed record AccountSummary(AccountSpec Spec, LedgerTime CreateTime, bool IsClosed)
{
    /// <summary>Why it takes no debits, no credits or neither; null when it is not frozen now.</summary>
    public AccountFreeze? Freeze { get; init; }

    /// <summary>Why it was closed, when it was closed by a change of the account and not by a transfer.</summary>
    public string ClosedReason { get; init; } = "";
}
