using Ledger.Actors.Index;
using Ledger.Actors.Timing;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The tables: those of Akka.Persistence.Sql with its default names, without two indexes that only cost; and
/// those of the hold index.</summary>
internal static class SqliteSchema
{
    internal const string Journal = """
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
    internal const string Ids = """
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
    internal const string Clock = """
        CREATE TABLE IF NOT EXISTS ledger_clock (
            id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
            boot_id TEXT NOT NULL,
            uptime_us INTEGER NOT NULL,
            ledger_us INTEGER NOT NULL
        );
        """;

    // Whose calls are refused: see the table of PostgreSQL.
    internal const string Blocks = """
        CREATE TABLE IF NOT EXISTS ledger_block (
            kind INTEGER NOT NULL,
            subject TEXT NOT NULL,
            since_us INTEGER NOT NULL,
            until_us INTEGER NOT NULL,
            blocked_by TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (kind, subject)
        ) WITHOUT ROWID;
        """;

    internal const string Snapshots = """
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

    internal const string Work = """
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

    // The tables of the index of transfers and accounts: see those of PostgreSQL.
    internal const string Index = """
        CREATE TABLE IF NOT EXISTS ledger_transfer (
            time_us INTEGER NOT NULL,
            place INTEGER NOT NULL,
            item INTEGER NOT NULL,
            id BLOB NOT NULL,
            transaction_id BLOB NULL,
            debit_account TEXT NOT NULL,
            credit_account TEXT NOT NULL,
            asset TEXT NOT NULL,
            amount BLOB NOT NULL,
            code INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            status INTEGER NOT NULL,
            reference TEXT NULL,
            hold_id BLOB NULL,
            reverses BLOB NULL,
            principal TEXT NULL,
            hold_state INTEGER NOT NULL,
            hold_remaining BLOB NULL,
            due_us INTEGER NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (time_us, place, item)
        ) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS ledger_transfer_id ON ledger_transfer (id);
        CREATE INDEX IF NOT EXISTS ledger_transfer_debit ON ledger_transfer (debit_account, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_credit ON ledger_transfer (credit_account, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_code ON ledger_transfer (code, time_us, place, item);
        CREATE INDEX IF NOT EXISTS ledger_transfer_transaction ON ledger_transfer (transaction_id, time_us, place, item)
            WHERE transaction_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_reference ON ledger_transfer (reference, time_us, place, item)
            WHERE reference IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_hold ON ledger_transfer (hold_id, time_us, place, item)
            WHERE hold_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_reverses ON ledger_transfer (reverses, time_us, place, item)
            WHERE reverses IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_principal ON ledger_transfer (principal, time_us, place, item)
            WHERE principal IS NOT NULL;
        CREATE INDEX IF NOT EXISTS ledger_transfer_live ON ledger_transfer (time_us, place, item) WHERE hold_state = 1;
        CREATE INDEX IF NOT EXISTS ledger_transfer_refused ON ledger_transfer (time_us, place, item)
            WHERE status <> 1000;

        CREATE TABLE IF NOT EXISTS ledger_transfer_metadata (
            pair BLOB NOT NULL,
            time_us INTEGER NOT NULL,
            place INTEGER NOT NULL,
            item INTEGER NOT NULL,
            PRIMARY KEY (pair, time_us, place, item)
        ) WITHOUT ROWID;

        CREATE TABLE IF NOT EXISTS ledger_account (
            address TEXT NOT NULL,
            asset TEXT NOT NULL,
            code INTEGER NOT NULL,
            reference TEXT NULL,
            is_closed INTEGER NOT NULL,
            frozen_until_us INTEGER NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (address)
        ) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS ledger_account_reference ON ledger_account (reference, address)
            WHERE reference IS NOT NULL;
        CREATE TABLE IF NOT EXISTS ledger_account_metadata (
            pair BLOB NOT NULL,
            address TEXT NOT NULL,
            PRIMARY KEY (pair, address)
        ) WITHOUT ROWID;

        CREATE TABLE IF NOT EXISTS ledger_index_prepared (
            account TEXT NOT NULL,
            attempt BLOB NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (account, attempt)
        ) WITHOUT ROWID;

        CREATE TABLE IF NOT EXISTS ledger_index (
            name TEXT NOT NULL,
            form INTEGER NOT NULL,
            ordering INTEGER NOT NULL,
            version INTEGER NOT NULL,
            as_of_us INTEGER NOT NULL,
            last_account TEXT NOT NULL,
            last_row INTEGER NOT NULL,
            holder BLOB NULL,
            seen_at TEXT NULL,
            PRIMARY KEY (name)
        ) WITHOUT ROWID;
        INSERT INTO ledger_index (name, form, ordering, version, as_of_us, last_account, last_row)
            VALUES ('transfers', 1, 0, 0, 0, '', 0) ON CONFLICT (name) DO NOTHING;
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

        SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {Ids} {Clock} {Blocks} COMMIT;");
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
        if ((long)command.ExecuteScalar()! > SqliteJournalRows.Highest(journal))
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

    /// <summary>Makes the index of transfers and accounts, and empties one that stands beside a journal which it does
    /// not belong to, or that has an older form.</summary>
    public static void PrepareIndex(string path, string journalPath)
    {
        using var journal = new SqliteStatements(
            SqliteConnections.OpenReading(SqliteConnections.ConnectionString(journalPath)));
        using var connection = SqliteConnections.OpenRelaxed(SqliteConnections.ConnectionString(path));
        UseWal(connection, path);
        SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {Index} COMMIT;");
        using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT count(*) FROM ledger_index WHERE name = 'transfers' AND (ordering > $highest OR form < $form);";
        command.Parameters.AddWithValue("$highest", SqliteJournalRows.Highest(journal));
        command.Parameters.AddWithValue("$form", IndexCodec.Form);
        if ((long)command.ExecuteScalar()! > 0)
        {
            SqliteConnections.Execute(connection, $"BEGIN IMMEDIATE; {SqliteIndexStore.EmptySql} COMMIT;");
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
