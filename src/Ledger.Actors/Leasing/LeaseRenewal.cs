using Ledger.Actors.Storage;

namespace Ledger.Actors.Leasing;

/// <summary>What a renewal has found.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Database">What the database is.</param>
internal sealed record LeaseRenewal(LeaseOutcome Outcome, DatabaseState Database)
{
    /// <summary>When it was renewed, by the database's clock; meaningless where it was not.</summary>
    public LedgerTime RenewedAt { get; init; }

    /// <summary>By how much the ledger time of the furthest other holder is ahead of that clock; null for no
    /// other.</summary>
    public TimeSpan? Lead { get; init; }

    /// <summary>Where the row is not as it was left: the number of the renewal that it knows of.</summary>
    public long Found { get; init; }

    /// <summary>Whether another process, whose lease may still be good, has not looked at this life of the server yet:
    /// it may know of rows that are lost.</summary>
    public bool AreOthersBehind { get; init; }
}
