using System.Diagnostics;
using System.Globalization;
using Ledger.Actors.Index;
using Ledger.Core;
using Ledger.Tests.Shared;

namespace Ledger.Benchmarks;

/// <summary>What a page of 100 costs by each field of a filter, in an index of many transfers; and what it costs to put
/// them there. The transfers are put into the index in bulk, by its own store.</summary>
internal static class IndexBenchmark
{
    private const int Rounds = 400;
    private const int PageRows = 100;
    private const int Accounts = 10_000;
    private const int Chunk = 5_000;

    private static readonly Asset s_usd = Asset.Parse("USD/2");

    public static async Task RunAsync(Settings settings, CancellationToken cancellationToken)
    {
        foreach (var database in settings.Databases)
        {
            await MeasureAsync(database, settings.Count ?? 1_000_000, cancellationToken);
        }
    }

    private static async Task MeasureAsync(string database, int count, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ledger-index-");
        using var server = database == "postgresql" ? new PostgresServer() : null;
        try
        {
            var options = new LedgerOptions();
            _ = server is null
                ? options.UseSqlite(Path.Combine(directory.FullName, "ledger.db"))
                : options.UsePostgreSql(server.CreateDatabase());
            options.Storage!.Prepare();
            await using var store = options.Storage.OpenIndex();
            var clock = Stopwatch.StartNew();
            await FillAsync(store, count, cancellationToken);
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{database}: {count} transfers put into the index in {clock.Elapsed.TotalSeconds:0} s, "
                    + $"{count / clock.Elapsed.TotalSeconds:0} a second"));
            var random = new Random(1);
            foreach (var (name, filter) in Filters(random, count))
            {
                var times = new List<double>();
                var found = 0;
                for (var round = 0; round < Rounds; round++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var statements = new TransferStatements(filter(), newestFirst: round % 2 == 0, store.OrdersByLead);
                    var from = Stopwatch.GetTimestamp();
                    var page = await store.QueryAsync(
                        statements.Page(null, PageRows + 1), static reader =>
                            IndexRows.Transfer(reader).ToRecord(), cancellationToken);
                    if (page.Count <= PageRows)
                    {
                        await store.QueryAsync(statements.LastScanned(null), IndexRows.Key, cancellationToken);
                    }

                    times.Add(Stopwatch.GetElapsedTime(from).TotalMilliseconds);
                    found += page.Count;
                }

                times.Sort();
                Report.Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{database}: {name}: p50 {times[Rounds / 2]:0.00} ms, p99 {times[Rounds * 99 / 100]:0.00} ms, "
                        + $"{found / Rounds} rows a page"));
            }

            (options.Storage as IDisposable)?.Dispose();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static IEnumerable<(string Name, Func<TransferFilter> Filter)> Filters(Random random, int count)
    {
        yield return ("id", () => new TransferFilter { Ids = [IdOf(random.Next(count))] });
        yield return ("reference", () => new TransferFilter { References = [$"order {random.Next(count / 50)}"] });
        yield return ("metadata", () => new TransferFilter { Metadata = Pair("shop", random.Next(1_000)) });
        yield return ("account", () => new TransferFilter { Account = AccountOf(random.Next(Accounts)) });
        yield return ("account and month", () => new TransferFilter
        {
            Account = AccountOf(random.Next(Accounts)), StartTime = TimeOf(count / 2), EndTime = TimeOf(count),
        });
        yield return ("prefix", () => new TransferFilter { AccountPrefix = $"users:{random.Next(100):00}" });
        yield return ("code", () => new TransferFilter { Codes = [(uint)random.Next(1, 20)] });
        yield return ("code and amount", () => new TransferFilter { Codes = [3], MinAmount = Amount.Of(9_000) });
        yield return (
            "time", () => new TransferFilter { StartTime = TimeOf(random.Next(count)), EndTime = TimeOf(count + 1) });
        yield return ("principal", () => new TransferFilter { Principal = $"clerk {random.Next(50)}" });
        yield return ("live holds", () => new TransferFilter { HoldStates = [HoldState.Live] });
        yield return ("refused", () => new TransferFilter { Statuses = [TransferStatus.ExceedsCredits] });
        yield return ("nothing fits", () => new TransferFilter { Codes = [3], MinAmount = Amount.Of(1_000_000) });
    }

    private static async Task FillAsync(IIndexStore store, int count, CancellationToken cancellationToken)
    {
        for (var first = 0; first < count; first += Chunk)
        {
            var transfers = new List<IndexedTransfer>(Chunk);
            for (var i = first; i < Math.Min(count, first + Chunk); i++)
            {
                var isHold = i % 20 == 0;
                var transfer = new Transfer(
                    IdOf(i), AccountOf(i * 7), AccountOf((i * 11) + 1), Amount.Of((ulong)(i % 10_000)),
                    (uint)(1 + (i % 19)))
                {
                    Asset = s_usd,
                    Reference = i % 2 == 0 ? $"order {i / 2 % (count / 50)}" : "",
                    Metadata = i % 4 == 0 ? Pair("shop", i / 4 % 1_000) : Metadata.Empty,
                    Flags = isHold ? TransferFlags.Pending : TransferFlags.None,
                };
                transfers.Add(new IndexedTransfer(
                    new IndexKey(TimeOf(i), i + 1, 0), new ResolvedLeg(0, transfer, null) { Amount = transfer.Amount },
                    i % 100 == 1 ? TransferStatus.ExceedsCredits : TransferStatus.Created)
                {
                    Debit = transfer.DebitAccount,
                    TransactionId = transfer.Id,
                    Asset = s_usd,
                    Principal = i % 10 == 0 ? $"clerk {i / 10 % 50}" : "",
                    Hold = !isHold ? HoldState.None : i % 200 == 0 ? HoldState.Live : HoldState.Posted,
                });
            }

            var state = await store.ReadStateAsync(cancellationToken);
            await store.ApplyAsync(
                new IndexChanges(transfers, [], [], [], []), state,
                new IndexState(first + Chunk, state.Version + 1, TimeOf(first + Chunk), default), cancellationToken);
        }
    }

    private static Metadata Pair(string key, int value) =>
        Metadata.Of([new(key, value.ToString(CultureInfo.InvariantCulture))]);

    private static TransferId IdOf(int number) => new(((UInt128)(ulong)number * 0x9E3779B97F4A7C15UL) << 17);

    private static AccountAddress AccountOf(int number) =>
        AccountAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"users:{Math.Abs(number % Accounts):0000}"));

    private static LedgerTime TimeOf(int number) => new(1_700_000_000_000_000 + (number * 1_000L));
}
