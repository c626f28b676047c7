namespace Ledger.Fuzz.Processes;

/// <summary>What inputs are sent to.</summary>
internal enum WorldKind
{
    /// <summary>One node on SQLite that asks nobody who he is.</summary>
    SqliteAnonymous,

    /// <summary>One node on SQLite, with keys and a policy.</summary>
    SqliteKeys,

    /// <summary>Three nodes on PostgreSQL, with keys and a policy. One after the other is killed and comes
    /// back.</summary>
    PostgreSqlKeys,
}
