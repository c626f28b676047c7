using Ledger.Actors.Leasing;
using Ledger.Core;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>The table of leases in the journal's database.</summary>
/// <remarks>A renewal and a revocation of one row wait for each other, and whichever comes second sees what the first has
/// done. <c>clock_timestamp()</c> is taken after the renewal has arrived, so what the row says is never earlier than where the
/// holder counts from.</remarks>
internal sealed class PostgreSqlLeaseStore : ILeaseStore
{
    private const string EnterSql = """
        INSERT INTO ledger_lease (holder, address, uid, shards, duration_ms, renewed_at, is_leaving, is_revoked)
        VALUES ($1, $2, $3, $4, $5, clock_timestamp(), false, false)
        ON CONFLICT (holder) DO UPDATE SET renewed_at = clock_timestamp()
        """;

    // What a node follows beside the database's clock (R21): the others' time, as far as they are alive.
    private const string RenewSql = $"""
        UPDATE ledger_lease AS mine SET renewed_at = now.at, ledger_lead_us = $2 - {Micros} FROM (SELECT clock_timestamp() AS at) AS now
        WHERE holder = $1 AND NOT is_revoked
        RETURNING {Micros}, (
            SELECT max(ledger_lead_us) FROM ledger_lease AS other
            WHERE other.holder <> mine.holder AND NOT other.is_revoked AND other.renewed_at > now.at - interval '2 seconds')
        """;

    private const string Micros = "(extract(epoch FROM now.at) * 1000000)::bigint";

    private const string TimesSql = $"""
        SELECT {Micros}, holder, (extract(epoch FROM renewed_at) * 1000000)::bigint, ledger_lead_us, is_revoked
        FROM (SELECT clock_timestamp() AS at) AS now LEFT JOIN ledger_lease ON true
        """;

    private const string LeaveSql = "UPDATE ledger_lease SET is_leaving = true WHERE holder = $1";

    private const string ReleaseSql = "DELETE FROM ledger_lease WHERE holder = $1";

    private const string RevokeSql = "UPDATE ledger_lease SET is_revoked = true WHERE holder = ANY ($1)";

    // What has long been over serves nobody; a few rows at once keep the statement short.
    private const string CleanSql = """
        DELETE FROM ledger_lease WHERE holder IN (
            SELECT holder FROM ledger_lease
            WHERE is_revoked AND renewed_at < clock_timestamp() - interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED)
        """;

    private const string ListSql = """
        SELECT holder, address, uid, ledger_lease.shards, is_leaving, is_revoked,
            duration_ms - (extract(epoch FROM clock_timestamp() - renewed_at) * 1000)::bigint, coalesce(claimed.shards, '{}'),
            duration_ms, (extract(epoch FROM renewed_at) * 1000000)::bigint
        FROM ledger_lease
        LEFT JOIN (SELECT holder, array_agg(shard) AS shards FROM ledger_shard GROUP BY holder) AS claimed USING (holder)
        """;

    // Whether a claim may be taken over is seen in one snapshot and written, perhaps after waiting for another claim, into the
    // newest row: so it must still be the claim that was seen. Leases only end: one that is gone, or revoked and over, stays so.
    // A statement of an earlier claim that is late changes nothing in a later one.
    private const string ClaimSql = """
        WITH seen AS (SELECT holder FROM ledger_shard WHERE shard = $1)
        INSERT INTO ledger_shard AS claim (shard, holder, number)
        SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM ledger_lease WHERE holder = $2 AND NOT is_revoked)
        ON CONFLICT (shard) DO UPDATE SET holder = excluded.holder, number = excluded.number
        WHERE CASE WHEN claim.holder = excluded.holder THEN claim.number <= excluded.number
            ELSE claim.holder = (SELECT holder FROM seen) AND NOT EXISTS (
                SELECT FROM ledger_lease AS lease WHERE lease.holder = claim.holder
                    AND (NOT lease.is_revoked OR lease.holder <> ALL ($4))) END
        """;

    private const string GiveBackSql = """
        DELETE FROM ledger_shard AS claim USING unnest($2, $3) AS returned (shard, number)
        WHERE claim.shard = returned.shard AND claim.holder = $1 AND claim.number <= returned.number
        """;

    private readonly string connectionString;
    private readonly string pooled;
    private readonly string claiming;
    private readonly Lock gate = new();
    private NpgsqlConnection? renewing;
    private NpgsqlCommand? renew;

    public PostgreSqlLeaseStore(string connectionString)
    {
        // Its own connection: neither a full pool nor a slow reader may be in the way. A second each for connecting and for
        // the answer, so that several tries fit into one lease.
        this.connectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Pooling = false, Timeout = 1, CommandTimeout = 1, CancellationTimeout = -1, MaxAutoPrepare = 0, KeepAlive = 0,
            ApplicationName = "ledger lease",
        }.ToString();
        pooled = connectionString;

        // A few of their own as well: shards that begin must not wait behind reads of accounts.
        claiming = new NpgsqlConnectionStringBuilder(connectionString)
        {
            MinPoolSize = 0, MaxPoolSize = 4, Timeout = 2, CommandTimeout = 2, CancellationTimeout = -1, MaxAutoPrepare = 0, KeepAlive = 0,
            ApplicationName = "ledger claims",
        }.ToString();
    }

    public void Enter(LeaseHolder holder, TimeSpan duration) => Run(
        EnterSql,
        new NpgsqlParameter<Guid> { TypedValue = holder.Id },
        new NpgsqlParameter<string> { TypedValue = holder.Address },
        new NpgsqlParameter<long> { TypedValue = holder.Uid },
        new NpgsqlParameter<int> { TypedValue = holder.Shards },
        new NpgsqlParameter<long> { TypedValue = (long)duration.TotalMilliseconds });

    public LeaseRenewal? Renew(Guid id, LedgerTime time)
    {
        lock (gate)
        {
            try
            {
                if (renew is null)
                {
                    renewing = new NpgsqlConnection(connectionString);
                    renewing.Open();
                    renew = new NpgsqlCommand(RenewSql, renewing)
                    {
                        Parameters = { new NpgsqlParameter<Guid> { TypedValue = id }, new NpgsqlParameter<long>() },
                    };
                    renew.Prepare();
                }

                ((NpgsqlParameter<Guid>)renew.Parameters[0]).TypedValue = id;
                ((NpgsqlParameter<long>)renew.Parameters[1]).TypedValue = time.UnixMicroseconds;
                using var reader = renew.ExecuteReader();
                return reader.Read()
                    ? new LeaseRenewal(new LedgerTime(reader.GetInt64(0)), LeadOf(reader, 1))
                    : null;
            }
            catch
            {
                Close();
                throw;
            }
        }
    }

    public LeaseTimes ReadTimes()
    {
        using var connection = new NpgsqlConnection(pooled);
        connection.Open();
        using var command = new NpgsqlCommand(TimesSql, connection);
        using var reader = command.ExecuteReader();
        var holders = new List<LeaseTime>();
        LedgerTime now = default;
        while (reader.Read())
        {
            now = new LedgerTime(reader.GetInt64(0));
            if (!reader.IsDBNull(1))
            {
                holders.Add(new LeaseTime(
                    reader.GetGuid(1), new LedgerTime(reader.GetInt64(2)), LeadOf(reader, 3), reader.GetBoolean(4)));
            }
        }

        return new LeaseTimes(now, holders);
    }

    public void Leave(Guid id) => Run(LeaveSql, new NpgsqlParameter<Guid> { TypedValue = id });

    public void Release(Guid id) => Run(ReleaseSql, new NpgsqlParameter<Guid> { TypedValue = id });

    public void Revoke(IReadOnlyCollection<Guid> ids)
    {
        Run(RevokeSql, new NpgsqlParameter<Guid[]> { TypedValue = [.. ids] });
        Run(CleanSql);
    }

    public IReadOnlyList<LeaseRow> List()
    {
        using var connection = new NpgsqlConnection(pooled);
        connection.Open();
        using var command = new NpgsqlCommand(ListSql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<LeaseRow>();
        while (reader.Read())
        {
            rows.Add(new LeaseRow(
                new LeaseHolder(reader.GetGuid(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt32(3)),
                reader.GetBoolean(4), reader.GetBoolean(5), TimeSpan.FromMilliseconds(reader.GetInt64(6)) + NodeLease.Margin,
                reader.GetFieldValue<string[]>(7))
            {
                Duration = TimeSpan.FromMilliseconds(reader.GetInt64(8)),
                RenewedAt = new LedgerTime(reader.GetInt64(9)),
            });
        }

        return rows;
    }

    public async Task<bool> ClaimAsync(Guid id, string shard, long number, IReadOnlyCollection<Guid> ended) =>
        await RunAsync(
            ClaimSql,
            new NpgsqlParameter<string> { TypedValue = shard },
            new NpgsqlParameter<Guid> { TypedValue = id },
            new NpgsqlParameter<long> { TypedValue = number },
            new NpgsqlParameter<Guid[]> { TypedValue = [.. ended] }).ConfigureAwait(false) == 1;

    public Task GiveBackAsync(Guid id, IReadOnlyDictionary<string, long> claims) => RunAsync(
        GiveBackSql,
        new NpgsqlParameter<Guid> { TypedValue = id },
        new NpgsqlParameter<string[]> { TypedValue = [.. claims.Keys] },
        new NpgsqlParameter<long[]> { TypedValue = [.. claims.Values] });

    public void Dispose()
    {
        lock (gate)
        {
            Close();
        }
    }

    private static TimeSpan? LeadOf(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : TimeSpan.FromMicroseconds(reader.GetInt64(column));

    private void Run(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        using var connection = new NpgsqlConnection(pooled);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        command.ExecuteNonQuery();
    }

    private async Task<int> RunAsync(string sql, params NpgsqlParameter[] parameters)
    {
        await using var connection = new NpgsqlConnection(claiming);
        await connection.OpenAsync().ConfigureAwait(false);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private void Close()
    {
        renew?.Dispose();
        renewing?.Dispose();
        renew = null;
        renewing = null;
    }
}
