using System.Globalization;
using Ledger.Benchmarks.Workloads;

namespace Ledger.Benchmarks;

/// <summary>Measures what things cost, and whether that predicts what was not measured: the model of
/// docs/operating/capacity.md.</summary>
internal static class CapacityBenchmark
{
    private const int ReadersInFlight = 64;

    /// <summary>Costs from uniform and hot transfers and from reads; predictions of zipf and cold ones.</summary>
    public static async Task RunAsync(Settings settings, Report report, CancellationToken cancellationToken)
    {
        var inFlight = settings.InFlight.Max();
        var sleepers = Workload.Names("bench:capacity", settings.Count ?? 60_000);
        foreach (var name in settings.Databases)
        {
            await using var database = Database.Create(name);
            await using var bench = new Bench(settings, database, cancellationToken);
            await bench.StartAsync();
            await bench.Driver.OpenAsync(LoadBenchmarks.Plain(sleepers), cancellationToken);
            await bench.DisposeAsync();
            await bench.StartAsync();

            // A fifth of them before it counts: what waking needs is to be compiled.
            var first = sleepers.Length / 5;
            await bench.Driver.ReadAsync(sleepers[..first], ReadersInFlight, cancellationToken);
            var asleep = await ReadAsync(bench, database, report, "asleep", sleepers[first..], cancellationToken);
            var awake = await ReadAsync(bench, database, report, "awake", sleepers[first..], cancellationToken);
            var uniform = await TransferAsync(bench, settings, report, "uniform", inFlight);
            var hot = await TransferAsync(bench, settings, report, "hot", inFlight);
            var zipf = await TransferAsync(bench, settings, report, "zipf", inFlight);
            var cold = await TransferAsync(bench, settings, report, "cold", inFlight);

            // A transfer costs something, and each of its rows; a wake-up is what a read costs more when its account slept.
            var rows = uniform.JournalRows!.Value - hot.JournalRows!.Value;
            var row = (Cost.Of(uniform) - Cost.Of(hot)) / rows;
            var transfer = Cost.Of(hot) - (row * hot.JournalRows.Value);
            var wake = Cost.Of(asleep) - Cost.Of(awake);
            var used = Cost.Of(uniform).Sum * uniform.PerSecond / (Environment.ProcessorCount * 1e6);
            Say("a transfer", transfer);
            Say("a row", row);
            Say("a wake-up", wake);
            Say("a read", Cost.Of(awake));
            Report.Say(string.Create(
                CultureInfo.InvariantCulture, $"{used:P0} of the processors' time is accounted for at {inFlight} in flight"));
            Compare(zipf, transfer + (row * zipf.JournalRows!.Value), used);
            Compare(cold, transfer + (row * cold.JournalRows!.Value) + (wake * 2), used);
            Bench.Complain(bench.Node);
        }
    }

    private static async Task<Result> TransferAsync(
        Bench bench, Settings settings, Report report, string name, int inFlight)
    {
        var workload = await bench.OpenAsync(Workload.Of(name, settings));
        await bench.ClosedAsync(workload, 1, inFlight, bench.WarmupLength / 2);
        var result = await bench.MeasureAsync(
            new Result("capacity", bench.DatabaseName, workload.Name, inFlight), workload,
            () => bench.ClosedAsync(workload, 1, inFlight, bench.Length));
        report.Add(result);
        return result;
    }

    private static async Task<Result> ReadAsync(
        Bench bench, Database database, Report report, string name, string[] accounts, CancellationToken cancellationToken)
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

    private static void Compare(Result measured, Cost predicted, double used)
    {
        var perSecond = Environment.ProcessorCount * 1e6 * used / predicted.Sum;
        Report.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{measured.Workload}: {perSecond:N0}/s predicted, {measured.PerSecond:N0}/s measured,"
            + $" {(perSecond / measured.PerSecond) - 1:+0%;-0%} off"));
    }

    /// <summary>Processor time in microseconds.</summary>
    private readonly record struct Cost(double Node, double Database, double Driver)
    {
        public double Sum => Node + Database + Driver;

        public static Cost Of(Result result) =>
            new(result.NodeMicros!.Value, result.DatabaseMicros!.Value, result.DriverMicros!.Value);

        public static Cost operator +(Cost a, Cost b) => new(a.Node + b.Node, a.Database + b.Database, a.Driver + b.Driver);

        public static Cost operator -(Cost a, Cost b) => a + (b * -1);

        public static Cost operator *(Cost a, double factor) => new(a.Node * factor, a.Database * factor, a.Driver * factor);

        public static Cost operator /(Cost a, double divisor) => a * (1 / divisor);
    }
}
