using System.Globalization;
using System.Text.Json;
using Ledger.Actors.Index;
using Ledger.Core;
using Ledger.PostgreSql;
using Ledger.Sqlite;
using Ledger.Tests.Shared;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ledger.Storage.Tests;

/// <summary>How the databases answer searches: every filter that is served goes by an index of its own, and a page
/// reads as many rows of a large table as of a small one.</summary>
public abstract class IndexPlanTests
{
    private const int Small = 44_000;
    private const int Large = 88_000;
    private const int Accounts = 200;

    private static readonly Asset s_usd = Asset.Parse("USD/2");
    private static readonly TransferId s_shared = new(UInt128.One << 100);

    protected static CancellationToken None => CancellationToken.None;

    private protected abstract IIndexStore Store { get; }

    /// <summary>Has the database look at what there is.</summary>
    protected abstract void Analyze();

    /// <summary>Runs a statement and says how: whether it reads a table from its one end to the other, and a measure of
    /// what it reads.</summary>
    private protected abstract (string? FullScan, double Read, string Plan) Explain(IndexStatement statement);

    private static IEnumerable<(string Name, TransferFilter Filter)> All()
    {
        var code = new TransferFilter { Codes = [3] };
        yield return ("ids", new TransferFilter { Ids = [IdOf(500), IdOf(501)] });
        yield return ("transaction", new TransferFilter { TransactionId = s_shared });
        yield return ("transfer of its own", new TransferFilter { TransactionId = IdOf(501) });
        yield return ("hold", new TransferFilter { HoldId = s_shared });
        yield return ("reverses", new TransferFilter { Reverses = s_shared });
        yield return ("reference", new TransferFilter { References = ["ref 1", "ref 2"] });
        yield return ("metadata", new TransferFilter { Metadata = Metadata.Of([new("colour", "red")]) });
        yield return (
            "two pairs", new TransferFilter { Metadata = Metadata.Of([new("colour", "red"), new("size", "1")]) });
        yield return ("account", new TransferFilter { Account = AccountOf(7) });
        yield return ("debit account", new TransferFilter { Account = AccountOf(7), Direction = EntryDirection.Debit });
        yield return (
            "account and time",
            new TransferFilter { Account = AccountOf(7), StartTime = TimeOf(5_000), EndTime = TimeOf(9_000) });
        yield return ("principal", new TransferFilter { Principal = "ada" });
        yield return ("prefix", new TransferFilter { AccountPrefix = "plan:01" });
        yield return (
            "prefix on one side",
            new TransferFilter { AccountPrefix = "plan:01", Direction = EntryDirection.Credit });
        yield return ("live holds", new TransferFilter { HoldStates = [HoldState.Live] });
        yield return ("refused", new TransferFilter { Statuses = [TransferStatus.ExceedsCredits] });
        yield return ("code", code);
        yield return ("codes", new TransferFilter { Codes = [1, 2, 3] });
        yield return ("code and amount", code with { MinAmount = Amount.Of(900) });
        yield return ("code and asset", code with { Asset = s_usd, Kinds = [TransferKind.Hold] });
        yield return ("time", new TransferFilter { StartTime = TimeOf(2_000), EndTime = TimeOf(11_000) });
        yield return ("none of it fits", code with { MinAmount = Amount.Of(1_000_000) });
    }

    [Fact]
    public async Task Every_filter_goes_by_an_index_and_reads_no_more_of_a_larger_table()
    {
        await FillAsync(0, Small);
        Analyze();
        var small = Measure();
        await FillAsync(Small, Large);
        Analyze();
        var large = Measure();
        foreach (var (name, (scan, _, _)) in small.Concat(large))
        {
            scan.ShouldBeNull($"{name} reads a whole table");
        }

        foreach (var (name, (_, read, plan)) in large)
        {
            // A level more of a tree, and no more than that.
            read.ShouldBeLessThan((small[name].Read * 1.6) + 300, $"{name}: {plan}");
        }
    }

    private Dictionary<string, (string? Scan, double Read, string Plan)> Measure()
    {
        var measured = new Dictionary<string, (string? Scan, double Read, string Plan)>();
        foreach (var (name, filter) in All())
        {
            foreach (var newestFirst in new[] { false, true })
            {
                var statements = new TransferStatements(filter, newestFirst, Store.OrdersByLead);
                statements.Lead.ShouldNotBe(TransferLead.None, name);
                var cursor = new IndexCursor(
                    statements.IsByAccount ? AccountOf(15).Text : "", new IndexKey(TimeOf(6_000), 6_001, 0));
                measured[$"{name}, newest first: {newestFirst}"] = Explain(statements.Page(null, 101));
                measured[$"{name}, next, newest first: {newestFirst}"] = Explain(statements.Page(cursor, 101));
                measured[$"{name}, end of the scan, newest first: {newestFirst}"] = Explain(
                    statements.LastScanned(cursor));
            }
        }

        AccountFilter[] accounts =
        [
            new(), new() { AddressPrefix = "plan:01" }, new() { Reference = "ref 1" },
            new() { Metadata = Metadata.Of([new("colour", "red")]) }, new() { Codes = [2] },
            new() { Standings = [AccountStanding.Closed] },
        ];
        for (var i = 0; i < accounts.Length; i++)
        {
            var statements = new AccountStatements(accounts[i], TimeOf(0));
            measured[$"accounts {i}"] = Explain(statements.Page(null, 101));
            measured[$"accounts {i}, next"] = Explain(statements.Page(AccountOf(3).Text, 101));
        }

        return measured;
    }

    // Such that each filter but those by account finds more than a page looks at, in the small table too.
    private async Task FillAsync(int from, int to)
    {
        const int page = 2_000;
        for (var first = from; first < to; first += page)
        {
            var transfers = new List<IndexedTransfer>();
            var accounts = new List<IndexedAccount>();
            for (var i = first; i < first + page; i++)
            {
                var isHold = i % 5 == 0;
                var transfer = new Transfer(
                    IdOf(i), AccountOf(i), AccountOf(i + 1), Amount.Of((ulong)(i % 1_000)), (uint)(1 + (i % 9)))
                {
                    Asset = s_usd,
                    Reference = i % 3 == 0 ? $"ref {i % 7}" : "",
                    Metadata = i % 2 == 0
                        ? Metadata.Of([new("colour", i % 4 == 0 ? "red" : "green"), new("size", $"{i % 3}")])
                        : Metadata.Empty,
                    Flags = isHold ? TransferFlags.Pending : TransferFlags.None,
                    HoldId = i % 11 == 1 ? s_shared : default,
                    Reverses = i % 13 == 0 ? s_shared : default,
                };
                var status = i % 17 == 0 ? TransferStatus.ExceedsCredits : TransferStatus.Created;
                transfers.Add(new IndexedTransfer(
                    new IndexKey(TimeOf(i), i + 1, 0), new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount },
                    status)
                {
                    Debit = transfer.DebitAccount,
                    TransactionId = i % 19 == 0 ? s_shared : transfer.Id,
                    Asset = s_usd,
                    Principal = i % 7 == 0 ? "ada" : "",
                    Hold = !isHold ? HoldState.None : i % 10 == 0 ? HoldState.Live : HoldState.Posted,
                    HoldRemaining = Amount.Of(1),
                });
                if (i < 6_000 || i >= Small)
                {
                    accounts.Add(new IndexedAccount(
                        new AccountSpec(
                            i < Accounts ? AccountOf(i) : AccountAddress.Parse($"more:{i}"), s_usd, (uint)(1 + (i % 4)))
                        {
                            Reference = i % 2 == 0 ? "ref 1" : "",
                            Metadata = i % 2 == 0 ? Metadata.Of([new("colour", "red")]) : Metadata.Empty,
                        },
                        TimeOf(i)));
                }
            }

            var state = await Store.ReadStateAsync(None);
            (await Store.ApplyAsync(
                new IndexChanges(transfers, [], accounts, [], []), state,
                new IndexState(first + page, state.Version + 1, TimeOf(first + page), default), None)).ShouldBeTrue();
        }
    }

    private static TransferId IdOf(int number) => new((UInt128)(number + 1) * 0x9E3779B97F4A7C15UL);

    // What makes the table larger is of other accounts: those that are asked about have as many transfers as before.
    private static AccountAddress AccountOf(int number) => AccountAddress.Parse(string.Create(
        CultureInfo.InvariantCulture, $"plan:{(number < Small ? number % Accounts : Accounts + (number % 700)):000}"));

    private static LedgerTime TimeOf(int number) => new(1_700_000_000_000_000 + (number * 1_000L));
}

public sealed class SqliteIndexPlanTests : IndexPlanTests, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-plans-").FullName;
    private readonly IIndexStore _store;

    public SqliteIndexPlanTests()
    {
        using var storage = new SqliteStorage(Path.Combine(_directory, "ledger.db"));
        storage.Prepare();
        _store = storage.OpenIndex();
    }

    private protected override IIndexStore Store => _store;

    private string Index => Path.Combine(_directory, "ledger.index.db");

    public void Dispose()
    {
        _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_directory, recursive: true);
    }

    protected override void Analyze()
    {
        // SQLite chooses as well without: nobody analyzes a ledger's own file.
    }

    private protected override (string? FullScan, double Read, string Plan) Explain(IndexStatement statement)
    {
        using var connection = new SqliteConnection($"Data Source={Index};Pooling=False");
        connection.Open();
        var steps = new List<string>();
        using (var explain = Command(connection, "EXPLAIN QUERY PLAN " + statement.Sql, statement))
        using (var reader = explain.ExecuteReader())
        {
            while (reader.Read())
            {
                steps.Add(reader.GetString(3));
            }
        }

        // What is scanned is a part of the statement itself, or an index that has none but the rows that are wanted.
        var full = steps.FirstOrDefault(static step => step.StartsWith("SCAN ", StringComparison.Ordinal)
            && step is not ("SCAN s" or "SCAN u") && !step.StartsWith("SCAN b", StringComparison.Ordinal)
            && !step.EndsWith("ledger_transfer_live", StringComparison.Ordinal)
            && !step.EndsWith("ledger_transfer_refused", StringComparison.Ordinal));
        return (full, Steps(connection, statement), "");
    }

    // How many instructions of its virtual machine SQLite runs: each row that is read takes some.
    private static double Steps(SqliteConnection connection, IndexStatement statement)
    {
        SQLitePCL.raw.sqlite3_prepare_v2(connection.Handle, statement.Sql, out var prepared)
            .ShouldBe(SQLitePCL.raw.SQLITE_OK);
        using (prepared)
        {
            for (var i = 0; i < statement.Values.Count; i++)
            {
                var place = SQLitePCL.raw.sqlite3_bind_parameter_index(prepared, IndexStatement.NameOf(i));
                place.ShouldBeGreaterThan(0);
                _ = statement.Values[i] switch
                {
                    long number => SQLitePCL.raw.sqlite3_bind_int64(prepared, place, number),
                    string text => SQLitePCL.raw.sqlite3_bind_text(prepared, place, text),
                    byte[] bytes => SQLitePCL.raw.sqlite3_bind_blob(prepared, place, bytes),
                    TransferId id => SQLitePCL.raw.sqlite3_bind_blob(prepared, place, SqliteStatements.Id(id)),
                    _ => throw new InvalidOperationException(),
                };
            }

            while (SQLitePCL.raw.sqlite3_step(prepared) == SQLitePCL.raw.SQLITE_ROW)
            {
            }

            return SQLitePCL.raw.sqlite3_stmt_status(prepared, SQLitePCL.raw.SQLITE_STMTSTATUS_VM_STEP, 0);
        }
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, IndexStatement statement)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < statement.Values.Count; i++)
        {
            var value = statement.Values[i] is TransferId id ? SqliteStatements.Id(id) : statement.Values[i];
            command.Parameters.AddWithValue(IndexStatement.NameOf(i), value);
        }

        return command;
    }
}

[Collection(PostgresCollection.Name)]
public sealed class PostgreSqlIndexPlanTests : IndexPlanTests
{
    private readonly string _database = PostgresServer.Shared.CreateDatabase();
    private readonly IIndexStore _store;

    public PostgreSqlIndexPlanTests()
    {
        var storage = new PostgreSqlStorage(_database);
        storage.Prepare();
        _store = storage.OpenIndex();
    }

    private protected override IIndexStore Store => _store;

    protected override void Analyze()
    {
        using var connection = new NpgsqlConnection(_database);
        connection.Open();
        using var command = new NpgsqlCommand("ANALYZE", connection);
        command.ExecuteNonQuery();
    }

    private protected override (string? FullScan, double Read, string Plan) Explain(IndexStatement statement)
    {
        using var connection = new NpgsqlConnection(_database);
        connection.Open();
        using var transaction = connection.BeginTransaction();
        using (var settings = new NpgsqlCommand(PostgreSqlIndexStore.PlanSql, connection, transaction))
        {
            settings.ExecuteNonQuery();
        }

        using var command = new NpgsqlCommand(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement.Sql, connection, transaction);
        foreach (var value in statement.Values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value is TransferId id ? id.ToGuid() : value });
        }

        using var plan = JsonDocument.Parse((string)command.ExecuteScalar()!);
        string? full = null;
        double read = 0;
        Walk(plan.RootElement[0].GetProperty("Plan"));
        return (full, read, plan.RootElement[0].ToString());

        void Walk(JsonElement node)
        {
            if (node.TryGetProperty("Relation Name", out var table))
            {
                var type = node.GetProperty("Node Type").GetString();
                if (type == "Seq Scan")
                {
                    full = $"{type} of {table}";
                }

                var loops = node.GetProperty("Actual Loops").GetDouble();
                read += node.GetProperty("Actual Rows").GetDouble() * loops;
                foreach (var removed in new[] { "Rows Removed by Filter", "Rows Removed by Index Recheck" })
                {
                    read += node.TryGetProperty(removed, out var rows) ? rows.GetDouble() * loops : 0;
                }
            }

            if (node.TryGetProperty("Plans", out var below))
            {
                foreach (var one in below.EnumerateArray())
                {
                    Walk(one);
                }
            }
        }
    }
}
