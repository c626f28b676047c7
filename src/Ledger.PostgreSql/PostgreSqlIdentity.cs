using Ledger.Core;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>The table that says which ledger this is.</summary>
internal static class PostgreSqlIdentity
{
    private const string ReadSql =
        "SELECT ledger_id, epoch, begun_by, begun_at, reason, id_window_ms FROM ledger_identity ORDER BY epoch DESC LIMIT 1";

    /// <summary>Reads it, with the newest epoch.</summary>
    /// <exception cref="InvalidOperationException">It can't be read, or is not there.</exception>
    public static LedgerIdentity Read(string connectionString, string description)
    {
        try
        {
            using var connection = new NpgsqlConnection(PostgreSqlConnections.ForStart(connectionString));
            connection.Open();
            return Read(connection);
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException($"The identity of the ledger in {description} can't be read: {e.Message}", e);
        }
    }

    /// <summary>Reads it, with the newest epoch.</summary>
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static LedgerIdentity Read(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(ReadSql, connection);
        using var reader = command.ExecuteReader();
        return reader.Read()
            ? new LedgerIdentity(
                reader.GetGuid(0),
                new LedgerEpoch(
                    reader.GetInt64(1), reader.GetString(2), LedgerTime.From(reader.GetFieldValue<DateTimeOffset>(3)),
                    reader.GetString(4)),
                TimeSpan.FromMilliseconds(reader.GetInt64(5)))
            : throw new InvalidOperationException(
                "The table 'ledger_identity' has lost its rows, which say which ledger this is. Put them back from a backup; or, where"
                + $" nobody has ever been told the ledger's id, apply {nameof(PostgreSqlSchema)}.{nameof(PostgreSqlSchema.Script)},"
                + " which makes a new one.");
    }
}
