namespace Ledger.Actors.Leasing;

/// <summary>How a renewal has ended.</summary>
internal enum LeaseOutcome
{
    /// <summary>The lease is renewed.</summary>
    Renewed,

    /// <summary>It was not tried, because of what was found in the database.</summary>
    NotTried,

    /// <summary>It has been revoked; it stays so.</summary>
    Revoked,

    /// <summary>The row is not there.</summary>
    Missing,

    /// <summary>The row is not as this process left it.</summary>
    Altered,
}
