namespace Ledger.Node;

/// <summary>Section <c>Ledger:PostgreSql</c>.</summary>
internal sealed class PostgreSqlOptions
{
    /// <summary>Npgsql's connection string; null means SQLite. <c>ConnectionStrings:Ledger</c> is the same.</summary>
    public string? ConnectionString { get; set; }
}
