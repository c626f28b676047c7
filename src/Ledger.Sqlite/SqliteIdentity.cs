using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>The table that says which ledger this is. It is in the journal's file and copied with it.</summary>
internal static class SqliteIdentity
{
    internal const string Table = """
        CREATE TABLE IF NOT EXISTS ledger_identity (
            epoch INTEGER NOT NULL PRIMARY KEY CHECK (epoch > 0),
            ledger_id TEXT NOT NULL,
            begun_by TEXT NOT NULL,
            begun_at_us INTEGER NOT NULL,
            reason TEXT NOT NULL,
            id_window_ms INTEGER NOT NULL
        );
        CREATE TABLE IF NOT EXISTS ledger_loss (
            epoch INTEGER NOT NULL PRIMARY KEY,
            noticed_at_us INTEGER NOT NULL,
            evidence TEXT NOT NULL
        );
        """;

    private const string BeginSql = """
        INSERT INTO ledger_identity (epoch, ledger_id, begun_by, begun_at_us, reason, id_window_ms)
            SELECT epoch + 1, ledger_id, $by, $at, $reason, id_window_ms FROM ledger_identity
                ORDER BY epoch DESC LIMIT 1;
        """;

    private const string LossSql = """
        SELECT epoch, evidence FROM ledger_loss WHERE epoch = (SELECT max(epoch) FROM ledger_identity);
        """;

    private const string FirstSql = """
        INSERT INTO ledger_identity (epoch, ledger_id, begun_by, begun_at_us, reason, id_window_ms)
            SELECT 1, $ledger, $by, $at,
                CASE WHEN EXISTS (SELECT 1 FROM journal)
                    THEN 'The identity was made beside a journal that had rows already.'
                    ELSE 'The ledger was made.' END, $window
            WHERE NOT EXISTS (SELECT 1 FROM ledger_identity);
        """;

    private const string ReadSql = """
        SELECT ledger_id, epoch, begun_by, begun_at_us, reason, id_window_ms FROM ledger_identity
            ORDER BY epoch DESC LIMIT 1;
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

    /// <summary>Begins a new epoch.</summary>
    /// <exception cref="InvalidOperationException">It could not be begun.</exception>
    public static LedgerIdentity Begin(string path, string by, string reason)
    {
        try
        {
            using (var connection = SqliteConnections.OpenDurable(
                SqliteConnections.ConnectionString(path, mayCreate: false)))
            {
                using var command = connection.CreateCommand();
                command.CommandText = BeginSql;
                command.Parameters.AddWithValue("$by", by);
                command.Parameters.AddWithValue(
                    "$at", LedgerTime.From(TimeProvider.System.GetUtcNow()).UnixMicroseconds);
                command.Parameters.AddWithValue("$reason", reason);
                command.ExecuteNonQuery();
            }

            return Read(path);
        }
        catch (SqliteException e)
        {
            throw new InvalidOperationException(
                $"A new epoch of the ledger in '{path}' can't be begun: {e.Message}", e);
        }
    }

    /// <summary>Puts on record that an epoch's journal has lost rows. The first evidence counts.</summary>
    public static void RecordLoss(string path, long epoch, string evidence)
    {
        using var connection =
            SqliteConnections.OpenDurable(SqliteConnections.ConnectionString(path, mayCreate: false));
        using var command = connection.CreateCommand();
        command.CommandText =
            "INSERT OR IGNORE INTO ledger_loss (epoch, noticed_at_us, evidence) VALUES ($epoch, $at, $evidence);";
        command.Parameters.AddWithValue("$epoch", epoch);
        command.Parameters.AddWithValue("$at", LedgerTime.From(TimeProvider.System.GetUtcNow()).UnixMicroseconds);
        command.Parameters.AddWithValue("$evidence", evidence);
        command.ExecuteNonQuery();
    }

    /// <summary>Refuses a journal that has lost rows in the epoch that runs.</summary>
    /// <exception cref="InvalidOperationException">It has.</exception>
    public static void RefuseLoss(string path)
    {
        using var connection = SqliteConnections.OpenReading(SqliteConnections.ConnectionString(path));
        using var command = connection.CreateCommand();
        command.CommandText = LossSql;
        using var reader = command.ExecuteReader();
        if (reader.Read())
        {
            throw new InvalidOperationException(
                $"HALTED: the SQLite file '{path}' has lost rows that it had acknowledged, in epoch "
                + $"{reader.GetInt64(0)}. {reader.GetString(1)} Find out what was lost and, when the ledger is to go "
                + "on with what there is, begin a new epoch: Ledger.Node epoch begin --by NAME --reason TEXT");
        }
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
                        reader.GetInt64(1), reader.GetString(2), new LedgerTime(reader.GetInt64(3)),
                        reader.GetString(4)),
                    TimeSpan.FromMilliseconds(reader.GetInt64(5)))
                : throw new InvalidOperationException(
                    $"The table 'ledger_identity' in '{path}' has lost its rows, which say which ledger this is. Put "
                    + "the file back from a backup.");
        }
        catch (SqliteException e)
        {
            throw new InvalidOperationException(
                $"The identity of the ledger in '{path}' can't be read: {e.Message}", e);
        }
    }
}
