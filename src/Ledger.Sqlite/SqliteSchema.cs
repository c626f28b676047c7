using Ledger.Actors.Timing;
using Ledger.Core;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The tables: those of Akka.Persistence.Sql with its default names, without two indexes that only cost; and
/// those of the hold index.</summary>
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

    // Beside the rows, since it is written in their transactions. The entry of no stream says up to which place of the
    // journal there is no index of this kind; the number in it is that of the kind. An entry of the nil id says of a
    // stream that it is in the index from its first row on (0), or that the entry before those of this row was missing
    // when it was stored.
    private const string Ids = """
        CREATE TABLE IF NOT EXISTS ledger_id (
            id BLOB NOT NULL,
            persistence_id NVARCHAR(255) NOT NULL,
            sequence_number INTEGER NOT NULL,
            PRIMARY KEY (persistence_id, id, sequence_number)
        ) WITHOUT ROWID;
        INSERT INTO ledger_id (id, persistence_id, sequence_number)
            SELECT x'00000000000000000000000000000002', '', (SELECT coalesce(max(ordering), 0) FROM journal)
            WHERE NOT EXISTS (
                SELECT 1 FROM ledger_id WHERE persistence_id = '' AND id = x'00000000000000000000000000000002');
        DELETE FROM ledger_id WHERE persistence_id = '' AND id <> x'00000000000000000000000000000002';
        """;

    // What time it was, and how long the machine had run then: written with rows, about once a second.
    private const string Clock = """
        CREATE TABLE IF NOT EXISTS ledger_clock (
            id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,
            uptime_us INTEGER NOT NULL,
            ledger_us INTEGER NOT NULL
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

    private const string Work = """
        CREATE TABLE IF NOT EXISTS ledger_hold (
            hold_id BLOB NOT NULL PRIMARY KEY,
            debit_account TEXT NOT NULL,
            credit_account TEXT NOT NULL,
            due_us INTEGER NULL,
            state INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS ledger_hold_due ON ledger_hold (due_us, hold_id)
            WHERE state = 0 AND due_us IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_hold_account ON ledger_hold (debit_account, due_us)
            WHERE state = 0 AND due_us IS NOT NULL;
        CREATE TABLE IF NOT EXISTS ledger_work_checkpoint (
            name TEXT NOT NULL PRIMARY KEY,
            ordering INTEGER NOT NULL,
            version INTEGER NOT NULL
        );
        INSERT INTO ledger_work_checkpoint (name, ordering, version) VALUES ('holds', 0, 0), ('recovered', 0, 0)
            ON CONFLICT (name) DO NOTHING;
        CREATE TABLE IF NOT EXISTS ledger_unfinished (
            account TEXT NOT NULL PRIMARY KEY,
            since_us INTEGER NOT NULL
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

        SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {Ids} {Clock} COMMIT;");
        SqliteIdentity.Make(connection);
    }

    /// <summary>What the journal remembers of the ledger's time.</summary>
    public static ClockMark ReadClockMark(string path)
    {
        using var connection = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path));
        using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT (SELECT created FROM journal ORDER BY ordering DESC LIMIT 1), boot_id, uptime_us, ledger_us
            FROM (SELECT 1) LEFT JOIN ledger_clock;
            """;
        using var reader = command.ExecuteReader();
        if (!reader.Read() || reader.IsDBNull(0))
        {
            return new ClockMark(null);
        }

        var mark = new ClockMark(LedgerTime.From(new DateTimeOffset(reader.GetInt64(0), TimeSpan.Zero)));
        return reader.IsDBNull(1)
            ? mark
            : mark with
            {
                BootId = reader.GetString(1),
                Uptime = TimeSpan.FromMicroseconds(reader.GetInt64(2)),
                Time = new LedgerTime(reader.GetInt64(3)),
            };
    }

    public static void PrepareSnapshots(string path)
    {
        using var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        UseWal(connection, path);
        SqliteConnections.Execute(connection, Snapshots);
    }

    /// <summary>Makes the hold index, and empties one that stands beside a journal which it does not belong
    /// to.</summary>
    public static void PrepareWork(string path, string journalPath)
    {
        using var journal = new SqliteStatements(
            SqliteConnections.OpenReading(SqliteConnections.ConnectionString(journalPath)));
        using var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        UseWal(connection, path);
        SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {Work} COMMIT;");
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT max(ordering) FROM ledger_work_checkpoint;";
        if ((long)command.ExecuteScalar()! > SqliteHoldIndexStore.Highest(journal))
        {
            // It has seen more than there is, as when an older journal was put back: what it says may never have been.
            SqliteConnections.Execute(connection, """
                BEGIN IMMEDIATE;
                DELETE FROM ledger_hold;
                DELETE FROM ledger_unfinished;
                UPDATE ledger_work_checkpoint SET ordering = 0, version = version + 1;
                COMMIT;
                """);
        }
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
