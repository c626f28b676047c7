namespace Ledger;

/// <summary>How a transaction ended that was in doubt. Immutable.</summary>
/// <param name="IsCommitted">Whether it is committed; else it is aborted.</param>
/// <param name="Decision">What ended it.</param>
/// <param name="Coordinator">Who coordinates it.</param>
/// <param name="LastAgent">Whose journal decides; none where it was over before it had to be looked for.</param>
/// <param name="Row">The row of that journal that decides; none where it was not looked for.</param>
/// <param name="IsBooked">Whether the coordinator has booked it. Else it does so when it asks again, or by the same
/// call once more; or, where <see cref="Unbooked"/> names accounts, once they can be read.</param>
public sealed record InDoubtResolution(
    bool IsCommitted, InDoubtDecision Decision, AccountAddress Coordinator, AccountAddress LastAgent, RowPosition Row,
    bool IsBooked)
{
    /// <summary>Where it is committed and not booked: the accounts that the coordinator waits for, at most
    /// <see cref="TransactionInDoubt.WithMax"/>. A coordinator books a commit when all others have booked it, and tells
    /// them again until then.</summary>
    public IReadOnlyList<UnbookedAccount> Unbooked { get; init; } = [];
}
