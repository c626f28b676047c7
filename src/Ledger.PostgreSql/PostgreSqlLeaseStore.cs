using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>The table of leases in the journal's database.</summary>
/// <remarks>A renewal and a revocation of one row wait for each other, and whichever comes second sees what the first
/// has done. <c>clock_timestamp()</c> is taken after the renewal has arrived, so what the row says is never earlier
/// than where the holder counts from.</remarks>
internal sealed class PostgreSqlLeaseStore : ILeaseStore
{
    private const string EnterSql = """
        INSERT INTO ledger_lease (holder, address, uid, shards, duration_ms, renewed_at, is_leaving, is_revoked)
        VALUES ($1, $2, $3, $4, $5, clock_timestamp(), false, false)
        ON CONFLICT (holder) DO UPDATE SET renewed_at = clock_timestamp()
        """;

    // One statement, so that the lease is renewed only where the database has what it must. $4 whose, $5 the number of
    // the try that was confirmed last, $6 that of this one, $7 the margin, $8 the holder's time. A try that arrives
    // behind a later one changes nothing. The answer has what a node follows beside the database's clock (R21): the
    // others' time, as far as they are alive.
    private static readonly Func<bool, string> RenewSql = static mayAsk => $"""
        WITH probe AS MATERIALIZED ({PostgreSqlProbe.Sql(mayAsk)}),
        now AS MATERIALIZED (SELECT clock_timestamp() AS at),
        renewed AS (
            UPDATE ledger_lease AS lease SET renewed_at = now.at, renewals = $6, ledger_lead_us = $8 - {Micros},
                seen = probe.server || ' ' || probe.instance
            FROM probe, now
            WHERE lease.holder = $4 AND NOT lease.is_revoked AND lease.renewals >= $5 AND lease.renewals < $6
              AND probe.missing IS NULL AND probe.evidence IS NULL
            RETURNING {Micros} AS at)
        SELECT probe.*, (SELECT at FROM renewed), before.is_revoked, before.renewals,
            EXISTS (SELECT FROM ledger_lease AS other
                    WHERE other.holder <> $4 AND NOT other.is_revoked
                      AND other.seen IS DISTINCT FROM probe.server || ' ' || probe.instance
                      AND other.duration_ms + $7 > extract(epoch FROM now.at - other.renewed_at) * 1000),
            (SELECT max(ledger_lead_us) FROM ledger_lease AS other
             WHERE other.holder <> $4 AND NOT other.is_revoked AND other.renewed_at > now.at - interval '2 seconds')
        FROM probe CROSS JOIN now LEFT JOIN ledger_lease AS before ON before.holder = $4
        """;

    private const string Micros = "(extract(epoch FROM now.at) * 1000000)::bigint";

    private const string TimesSql = $"""
        SELECT {Micros}, holder, (extract(epoch FROM renewed_at) * 1000000)::bigint, ledger_lead_us, is_revoked
        FROM (SELECT clock_timestamp() AS at) AS now LEFT JOIN ledger_lease ON true
        """;

    private const string RecordLossSql = """
        INSERT INTO ledger_loss (epoch, noticed_by, noticed_at, evidence) VALUES ($1, $2, clock_timestamp(), $3)
        ON CONFLICT (epoch) DO NOTHING
        """;

    // R19 g. A client that is frozen within a COPY keeps the keys of its rows, and the oldest transaction that anybody
    // may still need; no time-out of the server ends that. Not a session that waits for a standby: its commit would
    // become visible before the standby has it.
    private const string EndSessionsSql = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = ANY ($1) AND wait_event = 'ClientRead'
            AND state <> 'idle'
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
            duration_ms - (extract(epoch
                FROM clock_timestamp() - renewed_at) * 1000)::bigint, coalesce(claimed.shards, '{}'),
            duration_ms, (extract(epoch FROM renewed_at) * 1000000)::bigint
        FROM ledger_lease
        LEFT JOIN (SELECT holder, array_agg(shard) AS shards FROM ledger_shard
            GROUP BY holder) AS claimed USING (holder)
        """;

    // Whether a claim may be taken over is seen in one snapshot and written, perhaps after waiting for another claim,
    // into the newest row: so it must still be the claim that was seen. Leases only end: one that is gone, or revoked
    // and over, stays so. A statement of an earlier claim that is late changes nothing in a later one.
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

    private readonly PostgreSqlSessions ownSession;
    private readonly PostgreSqlSessions pooled;
    private readonly PostgreSqlSessions claiming;
    private readonly Lock gate = new();
    private NpgsqlConnection? renewing;
    private NpgsqlCommand? renew;

    // Whether the role may call the functions that say which server this is.
    private bool mayAsk = true;

    public PostgreSqlLeaseStore(string connectionString)
    {
        // Its own connection: neither a full pool nor a slow reader may be in the way. A second each for connecting and
        // for the answer, so that several tries fit into one lease. What it finds goes to the lease with each answer.
        ownSession = new PostgreSqlSessions(
            new NpgsqlConnectionStringBuilder(connectionString)
            {
                Pooling = false, Timeout = 1, CommandTimeout = 1, CancellationTimeout = -1, MaxAutoPrepare = 0,
                KeepAlive = 0, ApplicationName = "ledger lease",
            }.ToString(),
            mustLast: false);
        pooled = new PostgreSqlSessions(connectionString, mustLast: true);

        // A few of their own as well: shards that begin must not wait behind reads of accounts.
        claiming = new PostgreSqlSessions(
            new NpgsqlConnectionStringBuilder(connectionString)
            {
                MinPoolSize = 0, MaxPoolSize = PostgreSqlConnectionCount.Claims, Timeout = 2, CommandTimeout = 2,
                CancellationTimeout = -1, MaxAutoPrepare = 0, KeepAlive = 0, ApplicationName = "ledger claims",
            }.ToString(),
            mustLast: true);
    }

    public void Enter(LeaseHolder holder, TimeSpan duration) => Run(
        EnterSql,
        new NpgsqlParameter<Guid> { TypedValue = holder.Id },
        new NpgsqlParameter<string> { TypedValue = holder.Address },
        new NpgsqlParameter<long> { TypedValue = holder.Uid },
        new NpgsqlParameter<int> { TypedValue = holder.Shards },
        new NpgsqlParameter<long> { TypedValue = (long)duration.TotalMilliseconds });

    public DatabaseState Look(IReadOnlyList<AcknowledgedRow> acknowledged) => WithSession(() =>
    {
        using var command = new NpgsqlCommand(PostgreSqlProbe.Sql(mayAsk), renewing);
        PostgreSqlProbe.AddTo(command.Parameters, acknowledged);
        using var reader = command.ExecuteReader();
        RequireRow(reader);
        return PostgreSqlProbe.Read(reader);
    });

    public LeaseRenewal Renew(
        Guid id, long confirmed, long number, IReadOnlyList<AcknowledgedRow> acknowledged, LedgerTime time) =>
        WithSession(() =>
        {
            if (renew is null)
            {
                var command = new NpgsqlCommand(RenewSql(mayAsk), renewing);
                PostgreSqlProbe.AddTo(command.Parameters, acknowledged);
                command.Parameters.Add(new NpgsqlParameter<Guid>());
                command.Parameters.Add(new NpgsqlParameter<long>());
                command.Parameters.Add(new NpgsqlParameter<long>());
                command.Parameters.Add(
                    new NpgsqlParameter<int> { TypedValue = (int)NodeLease.Margin.TotalMilliseconds });
                command.Parameters.Add(new NpgsqlParameter<long>());
                command.Prepare();
                renew = command;
            }

            var parameters = renew.Parameters;
            ((NpgsqlParameter<string[]>)parameters[0])
                .TypedValue = [.. acknowledged.Select(static row => row.PersistenceId)];
            ((NpgsqlParameter<long[]>)parameters[1])
                .TypedValue = [.. acknowledged.Select(static row => row.SequenceNr)];
            ((NpgsqlParameter<string[]>)parameters[2])
                .TypedValue = [.. acknowledged.Select(static row => row.WriterUuid)];
            ((NpgsqlParameter<Guid>)parameters[3]).TypedValue = id;
            ((NpgsqlParameter<long>)parameters[4]).TypedValue = confirmed;
            ((NpgsqlParameter<long>)parameters[5]).TypedValue = number;
            ((NpgsqlParameter<long>)parameters[7]).TypedValue = time.UnixMicroseconds;
            using var reader = renew.ExecuteReader();
            RequireRow(reader);
            return ReadRenewal(reader, confirmed);
        });

    public void RecordLoss(long epoch, string noticedBy, string evidence) => WithSession(() =>
    {
        using var command = new NpgsqlCommand(RecordLossSql, renewing)
        {
            Parameters =
            {
                new NpgsqlParameter<long> { TypedValue = epoch },
                new NpgsqlParameter<string> { TypedValue = noticedBy },
                new NpgsqlParameter<string> { TypedValue = evidence },
            },
        };
        return command.ExecuteNonQuery();
    });

    public LeaseTimes ReadTimes()
    {
        using var connection = pooled.Open();
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
        // Before and after: nobody looks again at the sessions of a lease that is revoked, so whoever dies in between
        // must have ended those that are frozen. One transaction would not revoke where the role may not end sessions.
        try
        {
            EndSessions(ids);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            // It is said when the lease is revoked, below: accounts must be able to move.
        }

        Run(RevokeSql, new NpgsqlParameter<Guid[]> { TypedValue = [.. ids] });
        EndSessions(ids);
        Run(CleanSql);
    }

    private void EndSessions(IReadOnlyCollection<Guid> ids) =>
        Run(EndSessionsSql,
            new NpgsqlParameter<string[]> { TypedValue = [.. ids.Select(PostgreSqlConnections.WriterName)] });

    public IReadOnlyList<LeaseRow> List()
    {
        using var connection = pooled.Open();
        using var command = new NpgsqlCommand(ListSql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<LeaseRow>();
        while (reader.Read())
        {
            rows.Add(new LeaseRow(
                new LeaseHolder(reader.GetGuid(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt32(3)),
                reader.GetBoolean(4), reader.GetBoolean(5),
                TimeSpan.FromMilliseconds(reader.GetInt64(6)) + NodeLease.Margin,
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

        claiming.ClearPools();
    }

    private static TimeSpan? LeadOf(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : TimeSpan.FromMicroseconds(reader.GetInt64(column));

    private static LeaseRenewal ReadRenewal(NpgsqlDataReader reader, long confirmed)
    {
        var next = PostgreSqlProbe.ColumnCount;
        var database = PostgreSqlProbe.Read(reader);
        if (!reader.IsDBNull(next))
        {
            return new LeaseRenewal(LeaseOutcome.Renewed, database)
            {
                RenewedAt = new LedgerTime(reader.GetInt64(next)),
                AreOthersBehind = reader.GetBoolean(next + 3),
                Lead = LeadOf(reader, next + 4),
            };
        }

        if (database.Loss is not null || database.Missing is not null)
        {
            return new LeaseRenewal(LeaseOutcome.NotTried, database);
        }

        if (reader.IsDBNull(next + 1))
        {
            return new LeaseRenewal(LeaseOutcome.Missing, database);
        }

        if (reader.GetBoolean(next + 1))
        {
            return new LeaseRenewal(LeaseOutcome.Revoked, database);
        }

        var found = reader.GetInt64(next + 2);
        return found < confirmed
            ? new LeaseRenewal(LeaseOutcome.Altered, database) { Found = found }
            : throw new InvalidOperationException(
                "The lease was being changed by somebody else; it is looked at again.");
    }

    private static void RequireRow(NpgsqlDataReader reader)
    {
        if (!reader.Read())
        {
            throw new InvalidOperationException(
                "The table 'ledger_identity' has lost its rows, which say which ledger this is.");
        }
    }

    private T WithSession<T>(Func<T> work)
    {
        lock (gate)
        {
            try
            {
                if (renewing is null)
                {
                    renewing = ownSession.Open();
                }

                return work();
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege && mayAsk)
            {
                mayAsk = false;
                renew?.Dispose();
                renew = null;
                return work();
            }
            catch
            {
                Close();
                throw;
            }
        }
    }

    private void Run(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        using var connection = pooled.Open();
        using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        command.ExecuteNonQuery();
    }

    private async Task<int> RunAsync(string sql, params NpgsqlParameter[] parameters)
    {
        await using var connection = await claiming.OpenAsync(CancellationToken.None).ConfigureAwait(false);
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
