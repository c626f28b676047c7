using Ledger.Actors.Leasing;
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

    private const string RenewSql =
        "UPDATE ledger_lease SET renewed_at = clock_timestamp() WHERE holder = $1 AND NOT is_revoked";

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
        SELECT holder, address, uid, shards, is_leaving, is_revoked,
            duration_ms - (extract(epoch FROM clock_timestamp() - renewed_at) * 1000)::bigint
        FROM ledger_lease
        """;

    private readonly string connectionString;
    private readonly string pooled;
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
    }

    public void Enter(LeaseHolder holder, TimeSpan duration) => Run(
        EnterSql,
        new NpgsqlParameter<Guid> { TypedValue = holder.Id },
        new NpgsqlParameter<string> { TypedValue = holder.Address },
        new NpgsqlParameter<long> { TypedValue = holder.Uid },
        new NpgsqlParameter<int> { TypedValue = holder.Shards },
        new NpgsqlParameter<long> { TypedValue = (long)duration.TotalMilliseconds });

    public bool Renew(Guid id)
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
                        Parameters = { new NpgsqlParameter<Guid> { TypedValue = id } },
                    };
                    renew.Prepare();
                }

                ((NpgsqlParameter<Guid>)renew.Parameters[0]).TypedValue = id;
                return renew.ExecuteNonQuery() == 1;
            }
            catch
            {
                Close();
                throw;
            }
        }
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
                reader.GetBoolean(4), reader.GetBoolean(5), TimeSpan.FromMilliseconds(reader.GetInt64(6)) + NodeLease.Margin));
        }

        return rows;
    }

    public void Dispose()
    {
        lock (gate)
        {
            Close();
        }
    }

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

    private void Close()
    {
        renew?.Dispose();
        renewing?.Dispose();
        renew = null;
        renewing = null;
    }
}
