namespace Ledger.Client;

/// <summary>How a transaction ended that was in doubt. Immutable.</summary>
/// <param name="IsCommitted">Whether it is committed; else it is aborted.</param>
/// <param name="Decision">What decided it.</param>
/// <param name="Coordinator">The account that coordinates it.</param>
/// <param name="LastAgent">The account whose journal decides; empty where it was over before it had to be looked
/// for.</param>
/// <param name="Row">The number of the row of that journal that holds the decision; 0 where it was not looked
/// for.</param>
/// <param name="IsBooked">Whether the coordinator has booked it. Else it does so by the same call once more, or when it
/// next reaches the last agent; or, where <see cref="Unbooked"/> names accounts, once they can be read.</param>
public sealed record InDoubtResolution(
    bool IsCommitted, InDoubtDecision Decision, string Coordinator, string LastAgent, long Row, bool IsBooked)
{
    /// <summary>Where it is committed and not booked: the accounts that have not booked it, at most 10.</summary>
    public IReadOnlyList<UnbookedAccount> Unbooked { get; init; } = [];
}
