using Ledger.PostgreSql;

namespace Ledger;

/// <summary>Chooses PostgreSQL as a ledger's storage.</summary>
public static class PostgreSqlLedgerExtensions
{
    /// <summary>Keeps the journal in a PostgreSQL database, which all nodes of a cluster share.</summary>
    /// <remarks>Where the connection string does not say otherwise: <c>Timeout=3</c>, <c>Command Timeout=4</c>,
    /// <c>Cancellation Timeout=1000</c>, <c>Keepalive=5</c>, <c>Maximum Pool Size=25</c>, with several hosts
    /// <c>Target Session Attributes=primary</c>, and the server's <c>statement_timeout</c>, <c>lock_timeout</c> and
    /// <c>idle_in_transaction_session_timeout</c> as the options say.</remarks>
    /// <param name="options">The ledger's options.</param>
    /// <param name="connectionString">Npgsql's connection string.</param>
    /// <param name="configure">Changes the storage's options.</param>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentException">The connection string or an option is bad.</exception>
    public static LedgerOptions UsePostgreSql(
        this LedgerOptions options, string connectionString, Action<PostgreSqlStorageOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var storageOptions = new PostgreSqlStorageOptions();
        configure?.Invoke(storageOptions);
        options.Storage = new PostgreSqlStorage(connectionString, storageOptions);
        return options;
    }
}
