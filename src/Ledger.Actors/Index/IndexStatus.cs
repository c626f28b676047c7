namespace Ledger.Actors.Index;

/// <summary>A moment of the index on this node.</summary>
/// <param name="IsFolding">Whether this node folds.</param>
/// <param name="Lag">How old the oldest row is that is not folded in; zero for none.</param>
/// <param name="Failure">Why this node could not fold, or not look; null when it could.</param>
/// <param name="State">How far the index had got.</param>
internal sealed record IndexStatus(bool IsFolding, TimeSpan Lag, string? Failure, IndexState State)
{
    /// <summary>The time at which the oldest row was written that is not folded in; null for none.</summary>
    public LedgerTime? BehindSince { get; init; }
}
