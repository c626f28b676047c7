using System.Data.Common;
using Ledger.Actors.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.PostgreSql;

/// <summary>What a session asks before it is written with: which database this is, whether it still has what it
/// acknowledged, and whether what is written will last (R19 b, d).</summary>
internal static class PostgreSqlProbe
{
    /// <summary>A setting that every connection of the ledger makes. Where a session lacks it, something in between has
    /// dropped what the connection asked for.</summary>
    public const string SessionSetting = "ledger.session";

    /// <summary>The value of <see cref="SessionSetting"/> where a server that may lose writes is refused.</summary>
    public const string Durable = "durable";

    /// <summary>The value of <see cref="SessionSetting"/> where it is not.</summary>
    public const string Unsafe = "unsafe";

    /// <summary>The settings, in the order in which <see cref="WeaknessIn"/> reads them.</summary>
    public const string SettingsSql =
        "current_setting('" + SessionSetting + "', true), current_setting('transaction_isolation'),"
        + " current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), "
        + "current_setting('fsync'), current_setting('full_page_writes')";

    // The timeline is that of the log which is written now: the control file's is that of the last checkpoint, which
    // may be older than a promotion. Both fail where the server is a standby.
    private const string ServerSql =
        "(SELECT system_identifier FROM pg_control_system())::text || '/' || "
            + "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

    private const string UnknownServerSql = "'?'";
    private const int Columns = 12;

    /// <summary>The query; $1 to $3 are the streams, numbers and writers of the rows that must be there.</summary>
    /// <param name="mayAsk">Whether the role may call the functions that say which server it is.</param>
    public static string Sql(bool mayAsk) =>
        "SELECT " + (mayAsk ? ServerSql : UnknownServerSql)
        + " AS server, extract(epoch FROM pg_postmaster_start_time())::text AS instance,"
        + " i.ledger_id, i.epoch, l.evidence, " + SettingsSql + ","
        + " (SELECT r.sequence_number || ' of ' || r.persistence_id"
        + " FROM unnest($1::varchar[], $2::bigint[], $3::varchar[]) AS r (persistence_id, sequence_number, writer_uuid)"
        + " WHERE (SELECT TRUE FROM journal j WHERE j.persistence_id = r.persistence_id AND j.sequence_number = "
        + "r.sequence_number AND j.writer_uuid = r.writer_uuid) IS NULL LIMIT 1) AS missing"
        + " FROM (SELECT ledger_id, epoch FROM ledger_identity ORDER BY epoch DESC LIMIT 1) AS i"
        + " LEFT JOIN ledger_loss AS l ON l.epoch = i.epoch";

    /// <summary>How many columns <see cref="Sql"/> has.</summary>
    public static int ColumnCount => Columns;

    /// <summary>Adds the parameters of <see cref="Sql"/>.</summary>
    public static void AddTo(NpgsqlParameterCollection parameters, IReadOnlyList<AcknowledgedRow> rows)
    {
        parameters.Add(new NpgsqlParameter<string[]>
        {
            TypedValue = [.. rows.Select(static row => row.PersistenceId)],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar,
        });
        parameters.Add(new NpgsqlParameter<long[]>
        {
            TypedValue = [.. rows.Select(static row => row.SequenceNr)],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint,
        });
        parameters.Add(new NpgsqlParameter<string[]>
        {
            TypedValue = [.. rows.Select(static row => row.WriterUuid)],
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar,
        });
    }

    /// <summary>Asks.</summary>
    public static async Task<DatabaseState> LookAsync(
        NpgsqlConnection connection, IReadOnlyList<AcknowledgedRow> rows, CancellationToken cancellationToken = default)
    {
        try
        {
            return await LookAsync(connection, rows, mayAsk: true, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return await LookAsync(connection, rows, mayAsk: false, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Reads what the query has found.</summary>
    public static DatabaseState Read(DbDataReader reader) =>
        new(reader.GetString(0), reader.GetString(1), reader.GetGuid(2), reader.GetInt64(3))
        {
            Loss = reader.IsDBNull(4) ? null : reader.GetString(4),
            Weakness = WeaknessIn(reader, 5),
            Missing = reader.IsDBNull(11) ? null : reader.GetString(11),
        };

    /// <summary>Whether the session lacks what a connection of the ledger sets for it.</summary>
    /// <param name="reader">On a row with <see cref="SettingsSql"/>.</param>
    /// <param name="from">The first of these columns.</param>
    public static bool LacksSettings(DbDataReader reader, int from) =>
        reader.IsDBNull(from) || reader.GetString(from) is not (Durable or Unsafe);

    /// <summary>Why what the session writes may not last; null when it does.</summary>
    /// <param name="reader">On a row with <see cref="SettingsSql"/>.</param>
    /// <param name="from">The first of these columns.</param>
    public static string? WeaknessIn(DbDataReader reader, int from)
    {
        if (LacksSettings(reader, from))
        {
            return "Something between the ledger and PostgreSQL drops what a connection sets for its session, such as"
                + " PgBouncer with pool_mode = transaction. " + PostgreSqlProxy.WayOut;
        }

        var (isolation, commit, standbys) = (
            reader.GetString(from + 1), reader.GetString(from + 2), reader.GetString(from + 3));
        if (isolation != "read committed")
        {
            return $"The connection has default_transaction_isolation = {isolation}; the ledger needs 'read "
                + "committed'.";
        }

        if (reader.GetString(from) == Unsafe)
        {
            return null;
        }

        const string mend = ": the database may lose writes that it has confirmed. Set it right, or set"
            + $" {nameof(PostgreSqlStorageOptions.AllowUnsafeDurability)} for a throw-away test.";
        if (reader.GetString(from + 4) == "off")
        {
            return "PostgreSQL has fsync = off" + mend;
        }

        if (reader.GetString(from + 5) == "off")
        {
            return "PostgreSQL has full_page_writes = off" + mend;
        }

        return commit switch
        {
            "off" => "The connection has synchronous_commit = off" + mend,

            // Without standbys they are as good as `on`.
            "local" or "remote_write" when standbys.Length > 0 =>
                $"The connection has synchronous_commit = {commit}, which does not wait until the standbys in"
                + $" synchronous_standby_names ('{standbys}') have stored a commit" + mend,
            _ => null,
        };
    }

    private static async Task<DatabaseState> LookAsync(
        NpgsqlConnection connection, IReadOnlyList<AcknowledgedRow> rows, bool mayAsk,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Sql(mayAsk), connection);
        AddTo(command.Parameters, rows);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? Read(reader)
            : throw new InvalidOperationException(
                "The table 'ledger_identity' has lost its rows, which say which ledger this is.");
    }
}
