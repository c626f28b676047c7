using System.Globalization;
using Ledger.Benchmarks.Workloads;

namespace Ledger.Benchmarks;

/// <summary>Two nodes that differ in one thing, each on a database of its own, measured in turn in one run: another
/// build, other settings, or the walls that a bank puts around it.</summary>
internal static class PairBenchmark
{
    /// <exception cref="FormatException">It is not said in what they differ.</exception>
    public static async Task RunAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        if (settings is { OtherNode: null, OtherArguments: null, HasWalls: false })
        {
            throw new FormatException("pair needs --other-node, --other-arguments or --other-walls.");
        }

        using var walls = settings.HasWalls ? new Walls() : null;
        var other = walls?.Setup ?? NodeSetup.Plain with { Name = "other" };
        other = other with
        {
            Program = settings.OtherNode, Arguments = [.. other.Arguments, .. settings.OtherArguments ?? []],
        };
        foreach (var databaseName in settings.Databases)
        {
            await using var oneDatabase = Database.Create(databaseName);
            await using var otherDatabase = Database.Create(databaseName);
            await using var one = new Bench(settings, oneDatabase, cancellationToken);
            await using var second = new Bench(settings, otherDatabase, cancellationToken, other);
            await one.StartAsync();
            await second.StartAsync();
            foreach (var name in settings.Workloads)
            {
                // Each has money and ids of its own.
                (Bench Bench, Workload Workload)[] pair =
                [
                    (one, await one.OpenAsync(Workload.Of(name, settings))),
                    (second, await second.OpenAsync(Workload.Of(name, settings))),
                ];
                foreach (var inFlight in settings.InFlight)
                {
                    await CompareAsync(pair, inFlight, settings, report);
                }
            }

            Bench.Complain(one.Node);
            Bench.Complain(second.Node);
        }
    }

    private static async Task CompareAsync(
        (Bench Bench, Workload Workload)[] pair, int inFlight, Settings settings, Report report)
    {
        List<Result>[] runs = [[], []];
        for (var round = 0; round < settings.Rounds; round++)
        {
            // Neither is always first.
            foreach (var which in round % 2 == 0 ? [0, 1] : (int[])[1, 0])
            {
                var (bench, workload) = pair[which];
                await bench.ClosedAsync(workload, settings.Batch, inFlight, bench.WarmupLength / 8);
                var result = await bench.MeasureAsync(
                    new Result(bench.Name, bench.DatabaseName, workload.Name, inFlight) { Batch = settings.Batch },
                    workload, () => bench.ClosedAsync(workload, settings.Batch, inFlight, bench.Length));
                report.Add(result);
                runs[which].Add(result);
            }
        }

        var title = $"{pair[1].Bench.Name} against {pair[0].Bench.Name}, {pair[0].Workload.Name}, {inFlight} callers";
        Report.Say(
            $"{title}: {Ratio("transfers a second", static run => run.PerSecond)}, "
            + $"{Ratio("node", static run => run.NodeMicros)}, {Ratio("database", static run => run.DatabaseMicros)}, "
            + $"{Ratio("driver", static run => run.DriverMicros)}, {Ratio("p50", static run => run.P50)}, "
            + $"{Ratio("p99", static run => run.P99)}, {Ratio("rows", static run => run.JournalRows)}");

        // The median of the pairs' ratios, and the lowest and the highest.
        string Ratio(string what, Func<Result, double?> figure)
        {
            var ratios = runs[0].Zip(
                runs[1], (before, after) => (figure(after) ?? 0) / Math.Max(figure(before) ?? 0, 1e-9)).ToList();
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{what} {Medians.Of(ratios):0.000} ({ratios.Min():0.00} to {ratios.Max():0.00})");
        }
    }
}
