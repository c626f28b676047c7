using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The tables: those of Akka.Persistence.Sql with its default names, without two indexes that only cost.
/// </summary>
internal static class SqliteSchema
{
    private const string Journal = """
        CREATE TABLE IF NOT EXISTS journal (
            ordering INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            created BIGINT NOT NULL,
            deleted BIT NOT NULL,
            persistence_id NVARCHAR(255) NOT NULL,
            sequence_number BIGINT NOT NULL,
            message BLOB NOT NULL,
            manifest NVARCHAR(500) NULL,
            identifier INTEGER NULL,
            writer_uuid NVARCHAR(128) NULL
        );
        CREATE UNIQUE INDEX IF NOT EXISTS journal_uq ON journal (persistence_id, sequence_number);
        CREATE TABLE IF NOT EXISTS tags (
            ordering_id INTEGER NOT NULL,
            tag NVARCHAR(64) NOT NULL,
            sequence_nr INTEGER NOT NULL,
            persistence_id NVARCHAR(255) NOT NULL,
            PRIMARY KEY (ordering_id, tag)
        );
        """;

    private const string Snapshots = """
        CREATE TABLE IF NOT EXISTS snapshot (
            created BIGINT NOT NULL,
            persistence_id NVARCHAR(255) NOT NULL,
            sequence_number BIGINT NOT NULL,
            snapshot BLOB NULL,
            manifest NVARCHAR(500) NULL,
            serializer_id INTEGER NULL,
            PRIMARY KEY (persistence_id, sequence_number)
        );
        """;

    public static void PrepareJournal(string path)
    {
        using var connection = SqliteConnections.OpenDurable(SqliteConnections.ConnectionString(path));
        UseWal(connection, path);
        var isNew = !HasTable(connection, "journal");
        if (isNew)
        {
            SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {Journal} COMMIT;");
        }

        if (!HasUniqueKey(connection))
        {
            throw new InvalidOperationException(
                $"The table 'journal' in '{path}' lacks its unique key on (persistence_id, sequence_number). Without it"
                + " two writers could both store the same row of an account, so it is not used. Restore the key:"
                + " CREATE UNIQUE INDEX journal_uq ON journal (persistence_id, sequence_number);");
        }
    }

    public static void PrepareSnapshots(string path)
    {
        using var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        UseWal(connection, path);
        SqliteConnections.Execute(connection, Snapshots);
    }

    private static void UseWal(SqliteConnection connection, string path)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL;";
        if (command.ExecuteScalar() is not string mode || !mode.Equals("wal", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                $"SQLite can't use write-ahead logging for '{path}', as on a network file system. Use a local disk.");
        }
    }

    private static bool HasTable(SqliteConnection connection, string table)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $name;";
        command.Parameters.AddWithValue("$name", table);
        return command.ExecuteScalar() is not null;
    }

    private static bool HasUniqueKey(SqliteConnection connection)
    {
        // Exactly these columns, for all rows; a partial index would leave some unprotected.
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT 1 FROM pragma_index_list('journal') AS l
            WHERE l."unique" = 1 AND l.partial = 0
              AND (SELECT count(*) FROM pragma_index_info(l.name)) = 2
              AND (SELECT count(*) FROM pragma_index_info(l.name) AS i
                   WHERE i.name IN ('persistence_id', 'sequence_number')) = 2;
            """;
        return command.ExecuteScalar() is not null;
    }
}
