using System.Globalization;
using Ledger.Benchmarks.Workloads;
using Ledger.V1;
using Npgsql;
using NpgsqlTypes;

namespace Ledger.Benchmarks.Peers;

/// <summary>What the ledgers in SQL have in common: one statement a call, each its own transaction.</summary>
internal abstract class PostgreSqlTarget : Target
{
    private readonly NpgsqlDataSource _source;
    private readonly int _postmaster;

    protected PostgreSqlTarget(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // As many as there are calls at once, so that a call never waits for one.
            MaxPoolSize = 256, MaxAutoPrepare = 0, CommandTimeout = 60, Timeout = 60,
        };
        _source = NpgsqlDataSource.Create(builder.ToString());
        using var session = _source.OpenConnection();
        _postmaster = ProcessTimes.ParentOf(session.ProcessID);
    }

    // Each is a connection, of which a server on a few cores is best given a few.
    public override IReadOnlyList<int> InFlight => [2, 4, 8, 16, 32];

    protected NpgsqlDataSource Source => _source;

    public override TimeSpan Processor() => ProcessTimes.OfFamily(_postmaster);

    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    protected static Guid IdOf(V1.Transfer transfer) => Guid.ParseExact(transfer.Id, "D");

    protected static long AmountOf(V1.Transfer transfer) => long.Parse(transfer.Amount, CultureInfo.InvariantCulture);

    protected static void Count(Load load, IReadOnlyList<V1.Transfer> transfers, int posted)
    {
        load.Recorded(posted);
        if (posted < transfers.Count)
        {
            load.Failed("rejected", transfers.Count - posted);
        }
    }

    protected async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = _source.CreateCommand(sql);
        command.CommandTimeout = 600;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    protected async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = _source.CreateCommand(sql);
        command.CommandTimeout = 600;
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Runs a prepared statement that answers one value.</summary>
    protected async Task<object?> CallAsync(
        string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    protected static NpgsqlParameter Text(string value) =>
        new NpgsqlParameter<string> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };

    protected static NpgsqlParameter Texts(IEnumerable<string> values) => new NpgsqlParameter<string[]>
    {
        TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };
}

/// <summary>The usual ledger in SQL, one transfer a call or many.</summary>
internal sealed class PlainTarget : PostgreSqlTarget
{
    private readonly int _batchSize;
    private bool _hasTables;

    public PlainTarget(string connectionString, int batchSize)
        : base(connectionString) => _batchSize = batchSize;

    public override string Name => _batchSize == 1 ? "sql" : "sql-batches";

    public override int BatchSize => _batchSize;

    public override IReadOnlyList<int> InFlight => _batchSize == 1 ? base.InFlight : [1, 2, 4];

    public override async Task OpenAsync(PairWorkload workload, CancellationToken cancellationToken)
    {
        if (!_hasTables)
        {
            await ExecuteAsync(PlainSql.Script, cancellationToken);
            _hasTables = true;
        }

        await CallAsync(
            "INSERT INTO plain_account (id, is_limited) SELECT id, $2 FROM unnest($1) AS a (id) ON CONFLICT DO NOTHING",
            [Texts(workload.Customers), new NpgsqlParameter<bool> { TypedValue = workload.OpeningBalance > 0 }],
            cancellationToken);
        if (workload.OpeningBalance == 0
            || await ScalarAsync<bool>(
                $"SELECT EXISTS (SELECT FROM plain_account WHERE id = '{workload.Bank}')", cancellationToken))
        {
            return;
        }

        await ExecuteAsync(
            $"INSERT INTO plain_account (id, is_limited) VALUES ('{workload.Bank}', FALSE)", cancellationToken);
        foreach (var chunk in workload.Funding.Chunk(1000))
        {
            await PostManyAsync(chunk, cancellationToken);
        }

        await ExecuteAsync("VACUUM ANALYZE", cancellationToken);
    }

    public override async Task PostAsync(
        IReadOnlyList<V1.Transfer> transfers, Load load, CancellationToken cancellationToken)
    {
        if (_batchSize > 1)
        {
            Count(load, transfers, await PostManyAsync(transfers, cancellationToken));
            return;
        }

        var transfer = transfers[0];
        var isPosted = await CallAsync(
            PlainSql.PostSql,
            [
                new NpgsqlParameter<Guid> { TypedValue = IdOf(transfer) }, Text(transfer.DebitAccount),
                Text(transfer.CreditAccount),
                new NpgsqlParameter<long> { TypedValue = AmountOf(transfer) },
                new NpgsqlParameter<int> { TypedValue = (int)transfer.Code },
            ],
            cancellationToken) is true;
        Count(load, transfers, isPosted ? 1 : 0);
    }

    public override async Task<long> CheckBooksAsync(PairWorkload workload, CancellationToken cancellationToken)
    {
        var wrong = await ScalarAsync<long>(
            """
            SELECT count(*) FROM plain_account a
            LEFT JOIN (SELECT account, sum(amount) AS balance, count(*) AS entries FROM plain_entry GROUP BY account) e
                ON e.account = a.id
            WHERE a.credits - a.debits <> coalesce(e.balance, 0) OR a.entries <> coalesce(e.entries, 0)
            """, cancellationToken);
        var difference = await ScalarAsync<decimal>(
            "SELECT coalesce(sum(debits) - sum(credits), 0) FROM plain_account", cancellationToken);
        return wrong == 0 && difference == 0
            ? await ScalarAsync<long>("SELECT count(*) FROM plain_entry", cancellationToken)
            : throw new BooksException(
                $"{Name}: debits and credits differ by {difference}; {wrong} accounts are not their entries.");
    }

    private async Task<int> PostManyAsync(IReadOnlyList<V1.Transfer> transfers, CancellationToken cancellationToken) =>
        (int)(await CallAsync(
            PlainSql.PostManySql,
            [
                new NpgsqlParameter<Guid[]>
                {
                    TypedValue = [.. transfers.Select(IdOf)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
                },
                Texts(transfers.Select(static one => one.DebitAccount)),
                Texts(transfers.Select(static one => one.CreditAccount)),
                new NpgsqlParameter<long[]>
                {
                    TypedValue = [.. transfers.Select(AmountOf)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType
                        .Bigint,
                },
            ],
            cancellationToken))!;
}

/// <summary>pgledger (https://github.com/pgr0ss/pgledger), whose SQL whoever runs this has fetched.</summary>
/// <param name="connectionString">An empty database.</param>
/// <param name="scripts">Its files, in the order in which they are to be run.</param>
internal sealed class PgLedgerTarget(string connectionString, IReadOnlyList<string> scripts)
    : PostgreSqlTarget(connectionString)
{
    private const string PostSql = "SELECT id FROM pgledger_create_transfer($1, $2, $3)";

    // How it says that a limit is in the way; all its errors have the same code.
    private const string NoMoney = "does not allow negative balance";

    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);
    private bool _hasTables;

    public override string Name => "pgledger";

    public override async Task OpenAsync(PairWorkload workload, CancellationToken cancellationToken)
    {
        if (!_hasTables)
        {
            foreach (var script in scripts)
            {
                await ExecuteAsync(await File.ReadAllTextAsync(script, cancellationToken), cancellationToken);
            }

            _hasTables = true;
        }

        if (_ids.ContainsKey(workload.Customers[0]))
        {
            return;
        }

        await CreateAsync(workload.Customers, isLimited: workload.OpeningBalance > 0, cancellationToken);
        if (workload.OpeningBalance > 0)
        {
            await CreateAsync([workload.Bank], isLimited: false, cancellationToken);
            foreach (var chunk in workload.Funding.Chunk(500))
            {
                await CallAsync(
                    """
                    SELECT count(*) FROM pgledger_create_transfers(
                        (SELECT array_agg((f, t, a)::transfer_request ORDER BY o)
                         FROM unnest($1::text[], $2::text[], $3::numeric[]) WITH ORDINALITY AS x (f, t, a, o)),
                        NULL::timestamptz, NULL::jsonb)
                    """,
                    [
                        Texts(chunk.Select(one => _ids[one.DebitAccount])),
                        Texts(chunk.Select(one => _ids[one.CreditAccount])),
                        new NpgsqlParameter<decimal[]>
                        {
                            TypedValue = [.. chunk.Select(static one => (decimal)AmountOf(one))],
                            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Numeric,
                        },
                    ],
                    cancellationToken);
            }
        }

        await ExecuteAsync("VACUUM ANALYZE", cancellationToken);
    }

    public override async Task PostAsync(
        IReadOnlyList<V1.Transfer> transfers, Load load, CancellationToken cancellationToken)
    {
        var transfer = transfers[0];
        try
        {
            await CallAsync(
                PostSql,
                [
                    Text(_ids[transfer.DebitAccount]), Text(_ids[transfer.CreditAccount]),
                    new NpgsqlParameter<decimal> { TypedValue = AmountOf(transfer) },
                ],
                cancellationToken);
            Count(load, transfers, 1);
        }
        catch (PostgresException e) when (e.MessageText.Contains(NoMoney, StringComparison.Ordinal))
        {
            Count(load, transfers, 0);
        }
    }

    public override async Task<long> CheckBooksAsync(PairWorkload workload, CancellationToken cancellationToken)
    {
        var wrong = await ScalarAsync<long>(
            """
            SELECT count(*) FROM pgledger_accounts a
            LEFT JOIN (SELECT account_id, sum(amount) AS balance, count(*) AS entries FROM pgledger_entries
                GROUP BY account_id) e
                ON e.account_id = a.id
            WHERE a.balance <> coalesce(e.balance, 0) OR a.version <> coalesce(e.entries, 0)
            """, cancellationToken);
        var sum = await ScalarAsync<decimal>(
            "SELECT coalesce(sum(balance), 0) FROM pgledger_accounts", cancellationToken);
        return wrong == 0 && sum == 0
            ? await ScalarAsync<long>("SELECT count(*) FROM pgledger_entries", cancellationToken)
            : throw new BooksException(
                $"{Name}: the balances add up to {sum}; {wrong} accounts are not their entries.");
    }

    private async Task CreateAsync(IReadOnlyList<string> names, bool isLimited, CancellationToken cancellationToken)
    {
        await using var command = Source.CreateCommand(
            "SELECT n.name, (SELECT a.id FROM pgledger_create_account(n.name, 'USD', $2) a) FROM unnest($1) AS n "
                + "(name)");
        command.Parameters.Add(Texts(names));
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = !isLimited });
        command.CommandTimeout = 600;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            _ids[reader.GetString(0)] = reader.GetString(1);
        }
    }
}
