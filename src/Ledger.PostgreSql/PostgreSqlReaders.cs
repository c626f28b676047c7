using Ledger.Actors.Storage;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>Opens connections that read, out of the pool of a connection string. A session that has not been looked at
/// yet is looked at before anything is read (R19 b): it may lead to a server that lacks what the one before
/// had.</summary>
/// <remarks>A session that was looked at is known by its name, which the server reports when it is set, and which
/// belongs to the session: whatever else the pool hands out has another one. So no round trip is made but the first.
/// Without a watch whatever is there is read.</remarks>
internal sealed class PostgreSqlReaders(string connectionString, DatabaseWatch? database = null)
{
    private readonly PostgreSqlSessions sessions = new(connectionString, mustLast: true);

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NpgsqlException">It could not be opened, or the database is not the one that was
    /// known.</exception>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await sessions.OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (database is not null
                && connection.PostgresParameters.GetValueOrDefault(PostgreSqlSessions.NameSetting) != NameOf(database))
            {
                await LookAsync(connection, database, cancellationToken).ConfigureAwait(false);
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Closes what lies idle in the pool.</summary>
    public void ClearPool() => sessions.ClearPools();

    private static string NameOf(DatabaseWatch database) =>
        $"{PostgreSqlSessions.ReaderName}{database.Process:N} {database.Changes}";

    private static async Task LookAsync(
        NpgsqlConnection connection, DatabaseWatch database, CancellationToken cancellationToken)
    {
        // As it was before the look: a session that was looked at for less than is known now is looked at again.
        var name = NameOf(database);
        var state = await PostgreSqlProbe.LookAsync(connection, database.AcknowledgedRows(), cancellationToken)
            .ConfigureAwait(false);
        if (state.Weakness is { } weakness)
        {
            throw new PostgreSqlSessionException(weakness);
        }

        if (!database.Meet(state))
        {
            throw new NpgsqlException(
                database.Loss ?? "The database has failed over, or a new epoch has begun: it is read again.");
        }

        await using var command = new NpgsqlCommand(
            $"SELECT set_config('{PostgreSqlSessions.NameSetting}', $1, false)", connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = name } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
