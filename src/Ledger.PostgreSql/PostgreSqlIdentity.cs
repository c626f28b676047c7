using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>The table that says which ledger this is.</summary>
internal static class PostgreSqlIdentity
{
    private const string ReadSql =
        "SELECT ledger_id, epoch, begun_by, begun_at, reason, id_window_ms FROM ledger_identity ORDER BY epoch DESC "
            + "LIMIT 1";

    // Of two at once the second one fails by the key.
    private const string BeginSql = """
        INSERT INTO ledger_identity (epoch, ledger_id, begun_by, begun_at, reason, id_window_ms)
        SELECT epoch + 1, ledger_id, $1, clock_timestamp(), $2, id_window_ms FROM ledger_identity
            ORDER BY epoch DESC LIMIT 1
        """;

    private const string LossSql =
        "SELECT evidence FROM ledger_loss WHERE epoch = (SELECT max(epoch) FROM ledger_identity)";

    /// <summary>The evidence that the newest epoch's journal has lost rows; null for none.</summary>
    /// <exception cref="InvalidOperationException">It can't be read.</exception>
    public static string? ReadLoss(string connectionString, string description)
    {
        try
        {
            using var connection = Open(connectionString);
            using var command = new NpgsqlCommand(LossSql, connection);
            return command.ExecuteScalar() as string;
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException($"Table 'ledger_loss' in {description} can't be read: {e.Message}", e);
        }
    }

    /// <summary>Begins a new epoch.</summary>
    /// <exception cref="InvalidOperationException">It could not be begun.</exception>
    public static LedgerIdentity Begin(string connectionString, string description, string by, string reason)
    {
        try
        {
            using var connection = Open(connectionString);
            using (var command = new NpgsqlCommand(BeginSql, connection)
            {
                Parameters =
                    { new NpgsqlParameter<string> { TypedValue = by },
                        new NpgsqlParameter<string> { TypedValue = reason } },
            })
            {
                command.ExecuteNonQuery();
            }

            return Read(connection);
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException(
                $"A new epoch of the ledger in {description} can't be begun: {e.Message}", e);
        }
    }

    /// <summary>Reads it, with the newest epoch.</summary>
    /// <exception cref="InvalidOperationException">It can't be read, or is not there.</exception>
    public static LedgerIdentity Read(string connectionString, string description)
    {
        try
        {
            using var connection = Open(connectionString);
            return Read(connection);
        }
        catch (NpgsqlException e)
        {
            throw new InvalidOperationException(
                $"The identity of the ledger in {description} can't be read: {e.Message}", e);
        }
    }

    private static NpgsqlConnection Open(string connectionString) =>
        new PostgreSqlSessions(PostgreSqlConnections.ForStart(connectionString), mustLast: false).Open();

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
                "The table 'ledger_identity' has lost its rows, which say which ledger this is. Put them back from a "
                + $"backup; or, where nobody has ever been told the ledger's id, apply "
                + $"{nameof(PostgreSqlSchema)}.{nameof(PostgreSqlSchema.Script)}, which makes a new one.");
    }
}
