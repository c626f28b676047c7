using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The table that says which ledger this is. It is in the journal's file and copied with it.</summary>
internal static class SqliteIdentity
{
    private const string Table = """
        CREATE TABLE IF NOT EXISTS ledger_identity (
            epoch INTEGER NOT NULL PRIMARY KEY CHECK (epoch > 0),
            ledger_id TEXT NOT NULL,
            begun_by TEXT NOT NULL,
            begun_at_us INTEGER NOT NULL,
            reason TEXT NOT NULL,
            id_window_ms INTEGER NOT NULL
        );
        """;

    private const string FirstSql = """
        INSERT INTO ledger_identity (epoch, ledger_id, begun_by, begun_at_us, reason, id_window_ms)
            SELECT 1, $ledger, $by, $at,
                CASE WHEN EXISTS (SELECT 1 FROM journal) THEN 'The identity was made beside a journal that had rows already.'
                    ELSE 'The ledger was made.' END, $window
            WHERE NOT EXISTS (SELECT 1 FROM ledger_identity);
        """;

    private const string ReadSql = """
        SELECT ledger_id, epoch, begun_by, begun_at_us, reason, id_window_ms FROM ledger_identity ORDER BY epoch DESC LIMIT 1;
        """;

    /// <summary>Makes it, where there is none.</summary>
    public static void Make(SqliteConnection connection)
    {
        SqliteConnections.Execute(connection, Table);
        using var command = connection.CreateCommand();
        command.CommandText = FirstSql;
        command.Parameters.AddWithValue("$ledger", Guid.NewGuid().ToString("D"));
        command.Parameters.AddWithValue("$by", Environment.UserName);
        command.Parameters.AddWithValue("$at", LedgerTime.From(TimeProvider.System.GetUtcNow()).UnixMicroseconds);
        command.Parameters.AddWithValue("$window", (long)LedgerIdentity.IdWindowDefault.TotalMilliseconds);
        command.ExecuteNonQuery();
    }

    /// <summary>Reads it, with the newest epoch.</summary>
    /// <exception cref="InvalidOperationException">It can't be read, or is not there.</exception>
    public static LedgerIdentity Read(string path)
    {
        try
        {
            using var connection = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path));
            using var command = connection.CreateCommand();
            command.CommandText = ReadSql;
            using var reader = command.ExecuteReader();
            return reader.Read()
                ? new LedgerIdentity(
                    Guid.Parse(reader.GetString(0)),
                    new LedgerEpoch(
                        reader.GetInt64(1), reader.GetString(2), new LedgerTime(reader.GetInt64(3)), reader.GetString(4)),
                    TimeSpan.FromMilliseconds(reader.GetInt64(5)))
                : throw new InvalidOperationException(
                    $"The table 'ledger_identity' in '{path}' has lost its rows, which say which ledger this is. Put the file back from"
                    + " a backup.");
        }
        catch (SqliteException e)
        {
            throw new InvalidOperationException($"The identity of the ledger in '{path}' can't be read: {e.Message}", e);
        }
    }
}
