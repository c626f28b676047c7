using System.Globalization;
using Ledger.Benchmarks.Peers;
using Ledger.Benchmarks.Workloads;
using Ledger.Tests.Shared;

namespace Ledger.Benchmarks;

/// <summary>The ledger and what a user would take instead, in turn, on one machine and one PostgreSQL with the same
/// durability.</summary>
internal static class CompareBenchmark
{
    /// <exception cref="FormatException">A workload's calls are not single transfers between two accounts.</exception>
    public static async Task RunAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        var workloads = settings.Workloads.Select(name => Workload.Of(name, settings) as PairWorkload
            ?? throw new FormatException($"compare takes no {name}: the ledgers in SQL have plain transfers only."))
                .ToList();
        using var server = new PostgresServer();
        await using var database = Database.On(server);
        await using var node = await NodeUnderTest.StartAsync(settings, database, [], cancellationToken);
        Report.Say(settings.PgLedger.Count == 0
            ? "pgledger is left out: name its SQL files with --pgledger"
            : "pgledger: " + string.Join(' ', settings.PgLedger));
        List<Target> targets = settings.Batch > 1
            ?
            [
                new LedgerTarget(node, database, settings, settings.Batch),
                new PlainTarget(server.CreateDatabase(), settings.Batch),
            ]
            :
            [
                new LedgerTarget(node, database, settings, 1), new PlainTarget(server.CreateDatabase(), 1),
                .. settings.PgLedger.Count == 0
                ? Array.Empty<Target>()
                : [new PgLedgerTarget(server.CreateDatabase(), settings.PgLedger)],
            ];
        try
        {
            foreach (var workload in workloads)
            {
                await CompareAsync(workload, targets, settings, report, cancellationToken);
            }
        }
        finally
        {
            foreach (var target in targets)
            {
                await target.DisposeAsync();
            }
        }
    }

    private static async Task CompareAsync(
        PairWorkload workload, List<Target> targets, Settings settings, Report report,
        CancellationToken cancellationToken)
    {
        // Warm, and each at what suits it best.
        var best = new Dictionary<Target, int>();
        foreach (var target in targets)
        {
            await target.OpenAsync(workload, cancellationToken);
            await target.RunAsync(
                workload, target.InFlight[^1], TimeSpan.FromSeconds(settings.WarmupSeconds), cancellationToken);
            double most = 0;
            foreach (var inFlight in target.InFlight)
            {
                var load = await target.RunAsync(
                    workload, inFlight, TimeSpan.FromSeconds(Math.Max(2, settings.Seconds / 2)), cancellationToken);
                var speed = load.Acknowledged / load.Elapsed.TotalSeconds;
                Report.Say(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{target.Name} {workload.Name}: {speed:N0}/s with {inFlight} calls at once"));
                if (speed > most)
                {
                    (most, best[target]) = (speed, inFlight);
                }
            }
        }

        var speeds = targets.ToDictionary(static target => target, static _ => new List<double>());
        for (var round = 0; round < settings.Rounds; round++)
        {
            // No one is always first, or always after the same one.
            foreach (var target in round % 2 == 0 ? targets : targets.AsEnumerable().Reverse())
            {
                var result = await MeasureAsync(target, workload, best[target], settings, cancellationToken);
                report.Add(result);
                speeds[target].Add(result.PerSecond);
            }
        }

        var ours = targets[0];
        foreach (var target in targets)
        {
            var ratios = speeds[ours].Zip(speeds[target], static (own, other) => own / other).Order().ToList();
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{workload.Name}, {target.Name} with {best[target]} calls at once: {Medians.Of(speeds[target]):N0}/s "
                    + $"({speeds[target].Min():N0} to {speeds[target].Max():N0}); {ours.Name} is "
                    + $"{Medians.Of(ratios):0.00} times as fast ({ratios[0]:0.00} to {ratios[^1]:0.00})"));
        }
    }

    private static async Task<Result> MeasureAsync(
        Target target, PairWorkload workload, int inFlight, Settings settings, CancellationToken cancellationToken)
    {
        var entriesBefore = await target.CheckBooksAsync(workload, cancellationToken);
        var processorBefore = target.Processor();
        var driverBefore = Environment.CpuUsage.TotalTime;
        var load = await target.RunAsync(workload, inFlight, TimeSpan.FromSeconds(settings.Seconds), cancellationToken);
        var count = Math.Max(1, load.Acknowledged);
        var result = new Result("compare", target.Name, workload.Name, inFlight).Of(load) with
        {
            NodeMicros = (target.Processor() - processorBefore).TotalMicroseconds / count,
            DriverMicros = (Environment.CpuUsage.TotalTime - driverBefore).TotalMicroseconds / count,
        };

        // The longest delay of a commit's record, and the time to write it.
        await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        var entries = await target.CheckBooksAsync(workload, cancellationToken) - entriesBefore;
        return entries == 2 * load.Acknowledged
            ? result
            : throw new BooksException(
                $"{target.Name} has acknowledged {load.Acknowledged} transfers and has {entries} new entries.");
    }
}
