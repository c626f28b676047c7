using System.Globalization;
using Ledger.Benchmarks.Workloads;
using Ledger.Client;

namespace Ledger.Benchmarks;

/// <summary>Single transfers by the typed client, as calls alone and on the streams that calls share, in
/// turn.</summary>
internal static class ShareBenchmark
{
    private static readonly RequestOptions s_untilDecided = new() { RetryUnknownFor = TimeSpan.FromMinutes(1) };

    /// <exception cref="FormatException">A workload's calls are not single transfers.</exception>
    public static async Task RunAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        foreach (var databaseName in settings.Databases)
        {
            await using var database = Database.Create(databaseName);
            await using var bench = new Bench(settings, database, cancellationToken);
            await bench.StartAsync();
            foreach (var name in settings.Workloads)
            {
                var workload = await bench.OpenAsync(Workload.Of(name, settings) as PairWorkload
                    ?? throw new FormatException($"share takes no {name}: its calls are not single transfers."));
                foreach (var inFlight in settings.InFlight)
                {
                    await CompareAsync(bench, workload, inFlight, settings, report, cancellationToken);
                }
            }

            Bench.Complain(bench.Node);
        }
    }

    private static async Task CompareAsync(
        Bench bench, PairWorkload workload, int inFlight, Settings settings, Report report,
        CancellationToken cancellationToken)
    {
        var results = new Dictionary<bool, List<Result>> { [false] = [], [true] = [] };
        for (var round = 0; round < settings.Rounds; round++)
        {
            // Neither is always first.
            foreach (var isShared in round % 2 == 0 ? [false, true] : (bool[])[true, false])
            {
                await using var client = new LedgerClient(new LedgerClientOptions
                {
                    Addresses = [bench.Node.Address], UseSharedStreams = isShared,
                });
                Task<Load> RunAsync(TimeSpan length) => Load.ClosedAsync(
                    () =>
                        Of(workload.NextTransfer()), (transfer, load) =>
                            PostAsync(client, transfer, load, cancellationToken), inFlight,
                    length, cancellationToken);
                await RunAsync(bench.WarmupLength / 4);
                long allocated = 0;
                var result = await bench.MeasureAsync(
                    new Result(isShared ? "shared" : "alone", bench.DatabaseName, workload.Name, inFlight), workload,
                    async () =>
                    {
                        var before = GC.GetTotalAllocatedBytes();
                        var load = await RunAsync(bench.Length);
                        allocated = GC.GetTotalAllocatedBytes() - before;
                        return load;
                    });
                result = result with { AllocatedBytes = allocated / (double)Math.Max(1, result.Count) };
                report.Add(result);
                results[isShared].Add(result);
            }
        }

        foreach (var (isShared, runs) in results)
        {
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{workload.Name}, {inFlight} callers, {(isShared ? "shared" : "alone")}: "
                    + $"{Median(runs, static r => r.PerSecond):N0}/s, p50 {Median(runs, static r => r.P50):0.00} ms, "
                    + $"p99 {Median(runs, static r => r.P99):0.00} ms, node "
                    + $"{Median(runs, static r => r.NodeMicros):N0} us, driver "
                    + $"{Median(runs, static r => r.DriverMicros):N0} us, "
                    + $"{Median(runs, static r => r.AllocatedBytes):N0} bytes of the driver's a transfer"));
        }
    }

    private static double Median(List<Result> runs, Func<Result, double?> figure) =>
        Medians.Of([.. runs.Select(run => figure(run) ?? 0)]);

    private static async Task PostAsync(
        LedgerClient client, Client.Transfer transfer, Load load, CancellationToken cancellationToken)
    {
        var result = await client.PostTransferAsync(transfer, s_untilDecided, cancellationToken);
        if (!result.IsCommitted)
        {
            load.Failed("rejected: " + result.Status);
            return;
        }

        load.Recorded(1, (long)(result.Amount ?? transfer.Amount));
    }

    private static Client.Transfer Of(V1.Transfer wire) => new()
    {
        Id = Guid.Parse(wire.Id),
        DebitAccount = wire.DebitAccount,
        CreditAccount = wire.CreditAccount,
        Amount = UInt128.Parse(wire.Amount, CultureInfo.InvariantCulture),
        Asset = wire.Asset,
        Code = wire.Code,
    };
}
