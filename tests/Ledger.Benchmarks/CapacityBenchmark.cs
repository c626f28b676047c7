using System.Globalization;
using Ledger.Benchmarks.Workloads;

namespace Ledger.Benchmarks;

/// <summary>Measures what things cost, and whether that predicts what was not measured: the model of
/// docs/operating/capacity.md.</summary>
internal static class CapacityBenchmark
{
    private const int ReadersInFlight = 64;

    // Each is read again before it can have gone to sleep.
    private const int PartMax = 60_000;

    /// <summary>Costs from uniform and hot transfers and from reads; predictions of zipf and cold ones. All take turns,
    /// round by round, and the medians count: what a processor gets done in a second changes within minutes.</summary>
    public static async Task RunAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        var inFlight = settings.InFlight.Max();
        var sleepers = Workload.Names("bench:capacity", settings.Count ?? 400_000);
        foreach (var name in settings.Databases)
        {
            await using var database = Database.Create(name);
            await using var bench = new Bench(settings, database, cancellationToken);
            await bench.StartAsync();
            await bench.Driver.OpenAsync(LoadBenchmarks.Plain(sleepers), cancellationToken);

            // Cold is the last: the node starts anew for it, and the sleepers sleep.
            var workloads = new Dictionary<string, Workload>();
            foreach (var workload in new[] { "uniform", "hot", "zipf", "cold" })
            {
                workloads[workload] = await bench.OpenAsync(Workload.Of(workload, settings));
            }

            // One part before it counts: what waking needs is to be compiled.
            var parts = sleepers.Chunk(Math.Min((sleepers.Length / (settings.Rounds + 1)) + 1, PartMax))
                .Take(settings.Rounds + 1).ToArray();
            await bench.Driver.ReadAsync(parts[0], ReadersInFlight, cancellationToken);
            var asleep = new List<Result>();
            var awake = new List<Result>();
            var runs = workloads.Keys.ToDictionary(static workload => workload, static _ => new List<Result>());
            for (var round = 1; round < parts.Length; round++)
            {
                asleep.Add(await ReadAsync(bench, database, report, "asleep", parts[round], cancellationToken));
                awake.Add(await ReadAsync(bench, database, report, "awake", parts[round], cancellationToken));
                foreach (var (workload, results) in runs)
                {
                    results.Add(await TransferAsync(bench, report, workloads[workload], inFlight));
                }
            }

            // A transfer costs something, and each of its rows; a wake-up is what a read costs more when its account
            // slept.
            var (uniform, hot) = (Typical.Of(runs["uniform"]), Typical.Of(runs["hot"]));
            var row = (uniform.Cost - hot.Cost) / (uniform.Rows - hot.Rows);
            var transfer = hot.Cost - (row * hot.Rows);
            var read = Typical.Of(awake).Cost;
            var wake = Typical.Of(asleep).Cost - read;
            var used = uniform.Cost.Sum * uniform.PerSecond / (Environment.ProcessorCount * 1e6);
            Report.Say($"medians of {parts.Length - 1} rounds, in which all take turns");
            Say("a transfer", transfer);
            Say("a row", row);
            Say("a wake-up", wake);
            Say("a read", read);
            Report.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{used:P0} of the processors' time is accounted for at {inFlight} in flight"));
            var (zipf, cold) = (Typical.Of(runs["zipf"]), Typical.Of(runs["cold"]));
            Compare("zipf", zipf, transfer + (row * zipf.Rows), used);
            Compare("cold", cold, transfer + (row * cold.Rows) + (wake * 2), used);
            Bench.Complain(bench.Node);
        }
    }

    private static async Task<Result> TransferAsync(Bench bench, Report report, Workload workload, int inFlight)
    {
        await bench.ClosedAsync(workload, 1, inFlight, bench.WarmupLength / 2);
        var result = await bench.MeasureAsync(
            new Result("capacity", bench.DatabaseName, workload.Name, inFlight), workload,
            () => bench.ClosedAsync(workload, 1, inFlight, bench.Length));
        report.Add(result);
        return result;
    }

    private static async Task<Result> ReadAsync(
        Bench bench, Database database, Report report, string name, string[] accounts,
        CancellationToken cancellationToken)
    {
        var costs = new Costs(bench.Node, database);
        var load = await bench.Driver.ReadAsync(accounts, ReadersInFlight, cancellationToken);
        var result = costs.Of(new Result("capacity", bench.DatabaseName, "reads, " + name, ReadersInFlight), load);
        report.Add(result);
        return result;
    }

    private static void Say(string what, Cost cost) => Report.Say(string.Create(
        CultureInfo.InvariantCulture,
        $"{what}: {cost.Node:F0} µs of the node, {cost.Database:F0} of the database, {cost.Driver:F0} of the driver"));

    private static void Compare(string name, Typical measured, Cost predicted, double used)
    {
        var perSecond = Environment.ProcessorCount * 1e6 * used / predicted.Sum;
        Report.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}, {measured.Rows:0.00} rows: {perSecond:N0}/s predicted, {measured.PerSecond:N0}/s measured "
            + $"({measured.Slowest:N0} to {measured.Fastest:N0}), {(perSecond / measured.PerSecond) - 1:+0%;-0%} off; "
            + $"node {predicted.Node:F0} µs predicted, {measured.Cost.Node:F0} measured, database "
            + $"{predicted.Database:F0} and {measured.Cost.Database:F0}"));
    }

    /// <summary>The medians of several runs.</summary>
    private readonly record struct Typical(Cost Cost, double PerSecond, double Slowest, double Fastest, double Rows)
    {
        public static Typical Of(List<Result> runs) => new(
            new Cost(
                Medians.Of(runs.Select(static run => run.NodeMicros!.Value)),
                Medians.Of(runs.Select(static run => run.DatabaseMicros!.Value)),
                Medians.Of(runs.Select(static run => run.DriverMicros!.Value))),
            Medians.Of(runs.Select(static run => run.PerSecond)),
            runs.Min(static run => run.PerSecond),
            runs.Max(static run => run.PerSecond),
            Medians.Of(runs.Select(static run => run.JournalRows ?? 0)));
    }

    /// <summary>Processor time in microseconds.</summary>
    private readonly record struct Cost(double Node, double Database, double Driver)
    {
        public double Sum => Node + Database + Driver;

        public static Cost operator +(Cost a, Cost b) =>
            new(a.Node + b.Node, a.Database + b.Database, a.Driver + b.Driver);

        public static Cost operator -(Cost a, Cost b) => a + (b * -1);

        public static Cost operator *(Cost a, double factor) =>
            new(a.Node * factor, a.Database * factor, a.Driver * factor);

        public static Cost operator /(Cost a, double divisor) => a * (1 / divisor);
    }
}
