namespace Ledger.Actors.Leasing;

/// <summary>A row of the table of leases.</summary>
/// <param name="Holder">Whose it is.</param>
/// <param name="IsLeaving">Whether the process has said that it hands its accounts over.</param>
/// <param name="IsRevoked">Whether it can't be renewed any more.</param>
/// <param name="Left">For how long, at most, it may still be good, by the database's clock; zero or less when it is
/// over.</param>
/// <param name="Claims">The shards that the process has claimed.</param>
internal sealed record LeaseRow(
    LeaseHolder Holder, bool IsLeaving, bool IsRevoked, TimeSpan Left, IReadOnlyList<string> Claims)
{
    /// <summary>When it was last renewed, by the database's clock.</summary>
    public LedgerTime RenewedAt { get; init; }

    /// <summary>For how long a renewal makes it good; zero where <see cref="Left"/> is not to be judged anew.</summary>
    public TimeSpan Duration { get; init; }
}
