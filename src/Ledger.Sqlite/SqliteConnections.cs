using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>Opens connections with the settings that SQLite keeps per connection and whose defaults are
/// unsafe.</summary>
internal static class SqliteConnections
{
    public const int BusyTimeoutSeconds = 5;

    public static string ConnectionString(string path, bool mayCreate = true) => new SqliteConnectionStringBuilder
    {
        DataSource = path,
        Mode = mayCreate ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
        // A pooled connection would keep the file open after everyone has closed it, and its PRAGMAs are reset.
        Pooling = false,
        DefaultTimeout = BusyTimeoutSeconds,
    }.ToString();

    /// <summary>Opens a connection whose commits are on the disk when they return.</summary>
    public static SqliteConnection OpenDurable(string connectionString)
    {
        // fullfsync: on macOS, fsync alone leaves the data in the drive's cache. Elsewhere it does nothing.
        var connection = Open(connectionString);
        // cache_size: rows of many accounts touch many pages of the index by account; SQLite's usual 2 MB would have
        // them read again for each batch.
        Execute(connection, "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA cache_size = -65536;");
        return connection;
    }

    /// <summary>Refuses a connection whose commits may not be on the disk when they return (R19 d).</summary>
    /// <exception cref="InvalidOperationException">They may not.</exception>
    public static void RequireDurable(SqliteConnection connection)
    {
        const long full = 2;
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA synchronous;";
        var synchronous = (long)command.ExecuteScalar()!;
        command.CommandText = "PRAGMA journal_mode;";
        var mode = (string)command.ExecuteScalar()!;
        if (synchronous < full || !mode.Equals("wal", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                $"The SQLite connection has synchronous = {synchronous} and journal_mode = {mode}; the journal needs "
                    + "2 (FULL) and wal.");
        }
    }

    /// <summary>Opens a connection for what may be lost: snapshots.</summary>
    public static SqliteConnection OpenRelaxed(string connectionString)
    {
        var connection = Open(connectionString);
        Execute(connection, "PRAGMA synchronous = NORMAL;");
        return connection;
    }

    /// <summary>Opens a connection that can't write.</summary>
    /// <remarks>Not mapped into memory: SQLite takes the whole map down whenever somebody has written, which here is
    /// always, and to fault pages in again and again costs far more than to read a few.</remarks>
    public static SqliteConnection OpenReading(string connectionString)
    {
        var connection = Open(connectionString);
        Execute(connection, "PRAGMA query_only = ON; PRAGMA mmap_size = 0;");
        return connection;
    }

    public static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static SqliteConnection Open(string connectionString)
    {
        var connection = new SqliteConnection(connectionString);
        try
        {
            connection.Open();
            Execute(connection, $"PRAGMA busy_timeout = {BusyTimeoutSeconds * 1000};");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
