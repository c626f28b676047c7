using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Microsoft.Data.Sqlite;

namespace Ledger.Sqlite;

/// <summary>What a connection finds in the file: which ledger and epoch it holds, and whether it still has what it
/// acknowledged (R19 b). A backup that is restored into the open file keeps its name and its inode.</summary>
internal static class SqliteProbe
{
    // There is no server that could be another one, or be started anew.
    private const string Server = "SQLite";

    private const string IdentitySql = """
        SELECT i.ledger_id, i.epoch, l.evidence
        FROM ledger_identity AS i LEFT JOIN ledger_loss AS l ON l.epoch = i.epoch
        ORDER BY i.epoch DESC LIMIT 1;
        """;

    private const string RowSql = """
        SELECT 1 FROM journal WHERE persistence_id = $id AND sequence_number = $number AND writer_uuid = $writer;
        """;

    // Streams of applications may have any number of rows behind it; they may delete theirs.
    private const string NewestSql = """
        SELECT persistence_id, sequence_number, writer_uuid
        FROM (SELECT * FROM journal ORDER BY ordering DESC LIMIT 100)
        WHERE substr(persistence_id, 1, length($prefix)) = $prefix ORDER BY ordering DESC LIMIT 1;
        """;

    /// <summary>Looks.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="rows">The rows that must be there: those that were acknowledged before it looks.</param>
    /// <exception cref="InvalidOperationException">The file does not say which ledger it is.</exception>
    public static DatabaseState Look(SqliteConnection connection, IReadOnlyList<AcknowledgedRow> rows)
    {
        using var identity = connection.CreateCommand();
        identity.CommandText = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ledger_identity';";
        if (identity.ExecuteScalar() is null)
        {
            throw new InvalidOperationException(
                "It lacks the table 'ledger_identity', which says which ledger this is.");
        }

        identity.CommandText = IdentitySql;
        using var reader = identity.ExecuteReader();
        return reader.Read()
            ? new DatabaseState(Server, Server, Guid.Parse(reader.GetString(0)), reader.GetInt64(1))
            {
                Loss = reader.IsDBNull(2) ? null : reader.GetString(2),
                Missing = MissingOf(connection, rows),
            }
            : throw new InvalidOperationException(
                "Its table 'ledger_identity' has lost its rows, which say which ledger this is.");
    }

    /// <summary>The newest row of an account, near the journal's end; null where there is none.</summary>
    public static AcknowledgedRow? Newest(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = NewestSql;
        command.Parameters.AddWithValue("$prefix", AccountActor.PersistenceIdPrefix);
        using var reader = command.ExecuteReader();
        return reader.Read() && !reader.IsDBNull(2)
            ? new AcknowledgedRow(reader.GetString(0), reader.GetInt64(1), reader.GetString(2))
            : null;
    }

    private static string? MissingOf(SqliteConnection connection, IReadOnlyList<AcknowledgedRow> rows)
    {
        using var command = connection.CreateCommand();
        command.CommandText = RowSql;
        foreach (var name in (ReadOnlySpan<string>)["$id", "$number", "$writer"])
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        foreach (var row in rows)
        {
            command.Parameters[0].Value = row.PersistenceId;
            command.Parameters[1].Value = row.SequenceNr;
            command.Parameters[2].Value = row.WriterUuid;
            if (command.ExecuteScalar() is null)
            {
                return $"{row.SequenceNr} of {row.PersistenceId}";
            }
        }

        return null;
    }
}
