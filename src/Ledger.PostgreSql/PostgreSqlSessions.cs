using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>Opens connections: to the host that can be written to, where a connection string names several, and with
/// the settings that the ledger needs in their session (R19 d).</summary>
/// <remarks>
/// <para>Npgsql's own choice among hosts remembers for ten seconds that one was away, so that a restart of a fifth of
/// a second costs all of them; without that memory it asks each session that it hands out of the pool which server it
/// is at, and waits for a host that is gone with each of them. Here the host that was last connected to is tried
/// first, then the others: a server that comes back is found at once, one that does not costs one time-out, and a
/// former primary that comes back while another has taken over is not gone back to.</para>
/// <para>A proxy may drop what a connection asks for at its start, as PgBouncer does with
/// <c>ignore_startup_parameters = options</c>. A session that lacks it is given it by statement. A pooled session is
/// looked at once; its name, which the server reports, says that it was.</para>
/// <para>Thread-safe.</para>
/// </remarks>
internal sealed class PostgreSqlSessions
{
    /// <summary>The setting that holds a session's name.</summary>
    public const string NameSetting = "application_name";

    /// <summary>How the sessions begin that <see cref="PostgreSqlReaders"/> has looked at.</summary>
    public const string ReaderName = "ledger reader ";

    private const string LookedAt = "ledger, looked at";
    private const string LookSql = "SELECT " + PostgreSqlProbe.SettingsSql;
    private const string NameSql = $"SELECT set_config('{NameSetting}', '{LookedAt}', false)";
    private const string ApplySql =
        "SELECT set_config(s.name, s.value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)";

    private readonly string[] hosts;
    private readonly bool isPooled;
    private readonly bool mustLast;
    private readonly (string[] Names, string[] Values) settings;
    private volatile int current;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="connectionString">As it was completed.</param>
    /// <param name="mustLast">Whether a session in which a commit may not last is refused here. Where it is not, the
    /// caller looks.</param>
    public PostgreSqlSessions(string connectionString, bool mustLast)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        hosts = PostgreSqlConnections.ForEachHost(builder);
        isPooled = builder.Pooling;
        this.mustLast = mustLast;
        settings = PostgreSqlConnections.SettingsOf(builder);
    }

    /// <summary>How long a session waits for a lock, as it was told; null where it was not.</summary>
    public string? LockTimeout =>
        Array.IndexOf(settings.Names, "lock_timeout") is >= 0 and var place ? settings.Values[place] : null;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NpgsqlException">None could be opened, or what is there can't be used.</exception>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) =>
        OpenAsync(isAsync: true, cancellationToken);

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NpgsqlException">None could be opened, or what is there can't be used.</exception>
    public NpgsqlConnection Open()
    {
        // Nothing in it waits for another thread: it has ended when it returns.
        var opened = OpenAsync(isAsync: false, CancellationToken.None);
        return opened.GetAwaiter().GetResult();
    }

    // As Npgsql does it: one way for both, which blocks where it is not to be asynchronous.
    private async ValueTask<NpgsqlConnection> OpenAsync(bool isAsync, CancellationToken cancellationToken)
    {
        var failures = new HostFailures();
        for (int i = 0, first = current; i < hosts.Length; i++)
        {
            var place = (first + i) % hosts.Length;
            var connection = new NpgsqlConnection(hosts[place]);
            try
            {
                if (isAsync)
                {
                    await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    connection.Open();
                }

                if (IsWritable(connection)
                    ?? await IsPrimaryAsync(connection, isAsync, cancellationToken).ConfigureAwait(false))
                {
                    await LookAsync(connection, isAsync, cancellationToken).ConfigureAwait(false);
                    current = place;
                    return connection;
                }

                failures.AddStandby(connection);
            }
            catch (Exception failure) when (IsOfHost(failure))
            {
                failures.Add(failure);
            }
            catch
            {
                await CloseAsync(connection, isAsync).ConfigureAwait(false);
                throw;
            }

            await CloseAsync(connection, isAsync).ConfigureAwait(false);
        }

        throw failures.Together();
    }

    /// <summary>Closes what lies idle in the pools; what is in use is closed when it is given back.</summary>
    public void ClearPools()
    {
        foreach (var host in hosts)
        {
            using var connection = new NpgsqlConnection(host);
            NpgsqlConnection.ClearPool(connection);
        }
    }

    // Another host may be better; a session that was opened and can't be used says something of all.
    private static bool IsOfHost(Exception failure) =>
        failure is (NpgsqlException and not PostgreSqlSessionException) or TimeoutException or SocketException;

    private static ValueTask CloseAsync(NpgsqlConnection connection, bool isAsync)
    {
        if (isAsync)
        {
            return connection.DisposeAsync();
        }

        connection.Dispose();
        return default;
    }

    private static async ValueTask<bool> IsPrimaryAsync(
        NpgsqlConnection connection, bool isAsync, CancellationToken cancellationToken)
    {
        using var command = new NpgsqlCommand("SELECT NOT pg_is_in_recovery()", connection);
        var answer = isAsync
            ? await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false)
            : command.ExecuteScalar();
        return answer is true;
    }

    private static async ValueTask RunAsync(NpgsqlCommand command, bool isAsync, CancellationToken cancellationToken)
    {
        if (isAsync)
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        else
        {
            command.ExecuteNonQuery();
        }
    }

    // Null where the server does not say: one before version 14. With one host there is nothing to choose.
    private bool? IsWritable(NpgsqlConnection connection) => hosts.Length == 1 ? true
        : connection.PostgresParameters.TryGetValue("in_hot_standby", out var standby)
            ? standby == "off"
                && connection.PostgresParameters.GetValueOrDefault("default_transaction_read_only") != "on"
            : null;

    private bool WasLookedAt(NpgsqlConnection connection) => isPooled
        && connection.PostgresParameters.TryGetValue(NameSetting, out var name)
        && (name == LookedAt || name.StartsWith(ReaderName, StringComparison.Ordinal));

    private async ValueTask LookAsync(NpgsqlConnection connection, bool isAsync, CancellationToken cancellationToken)
    {
        if (WasLookedAt(connection))
        {
            return;
        }

        for (var isFirst = true; ; isFirst = false)
        {
            if (!await LacksSettingsAsync(connection, isFirst, isAsync, cancellationToken).ConfigureAwait(false))
            {
                break;
            }

            using var apply = ApplyCommand(connection);
            await RunAsync(apply, isAsync, cancellationToken).ConfigureAwait(false);
        }

        // Only now: a session that is refused goes back to the pool without the name.
        if (isPooled)
        {
            using var name = new NpgsqlCommand(NameSql, connection);
            await RunAsync(name, isAsync, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> LacksSettingsAsync(
        NpgsqlConnection connection, bool isFirst, bool isAsync, CancellationToken cancellationToken)
    {
        using var command = new NpgsqlCommand(LookSql, connection);
        if (isAsync)
        {
            await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await row.ReadAsync(cancellationToken).ConfigureAwait(false);
            return Judge(row, isFirst);
        }

        using var reader = command.ExecuteReader();
        reader.Read();
        return Judge(reader, isFirst);
    }

    /// <summary>Whether the session lacks what it was to begin with, and is to be given it.</summary>
    private bool Judge(NpgsqlDataReader reader, bool isFirst)
    {
        if (isFirst && PostgreSqlProbe.LacksSettings(reader, 0))
        {
            return true;
        }

        return mustLast && PostgreSqlProbe.WeaknessIn(reader, 0) is { } weakness
            ? throw new PostgreSqlSessionException(weakness)
            : false;
    }

    private NpgsqlCommand ApplyCommand(NpgsqlConnection connection)
    {
        var command = new NpgsqlCommand(ApplySql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]>
        {
            TypedValue = settings.Names, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        });
        command.Parameters.Add(new NpgsqlParameter<string[]>
        {
            TypedValue = settings.Values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        });
        return command;
    }

    /// <summary>Why each of the hosts could not be used.</summary>
    private sealed class HostFailures
    {
        private readonly List<Exception> all = [];

        public void Add(Exception failure) => all.Add(failure);

        public void AddStandby(NpgsqlConnection connection)
        {
            all.Add(new NpgsqlException($"{connection.Host}:{connection.Port} is a standby, or takes no writes."));

            // It stays what it is until it is spoken with again: kept in the pool it would not be noticed when it is
            // promoted.
            NpgsqlConnection.ClearPool(connection);
        }

        public Exception Together() => all is [var only]
            ? only
            : all[0] as PostgresException
                ?? new NpgsqlException(
                    string.Join("; ", all.Select(static one => one.Message)), all[0].InnerException ?? all[0]);
    }
}
