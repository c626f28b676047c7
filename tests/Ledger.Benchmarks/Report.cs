using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Ledger.Benchmarks;

/// <summary>One measurement.</summary>
internal sealed record Result(string Mode, string Database, string Workload, int InFlight)
{
    public long Count { get; init; }

    /// <summary>Transfers per second.</summary>
    public double PerSecond { get; init; }

    /// <summary>Calls per second, where they are not one transfer each.</summary>
    public double? CallsPerSecond { get; init; }

    /// <summary>Calls per second that were asked for, where not as many as were answered.</summary>
    public int? Rate { get; init; }

    /// <summary>Transfers a call.</summary>
    public int? Batch { get; init; }

    /// <summary>Latencies of calls in milliseconds.</summary>
    public double? P50 { get; init; }

    public double? P90 { get; init; }

    public double? P99 { get; init; }

    public double? P999 { get; init; }

    public double? Max { get; init; }

    /// <summary>Per transfer, or per whatever is counted.</summary>
    public double? JournalRows { get; init; }

    public double? JournalBytes { get; init; }

    /// <summary>Processor time in microseconds per transfer.</summary>
    public double? NodeMicros { get; init; }

    public double? DatabaseMicros { get; init; }

    public double? DriverMicros { get; init; }

    public double? AllocatedBytes { get; init; }

    public double? ResidentBytes { get; init; }

    /// <summary>The node's resident memory at the end.</summary>
    public long? NodeBytes { get; init; }

    public IReadOnlyDictionary<string, int>? Errors { get; init; }

    /// <summary>The course of the load.</summary>
    public IReadOnlyList<Second>? Seconds { get; init; }

    /// <summary>With what a load has seen.</summary>
    public Result Of(Load load) => this with
    {
        Count = load.Acknowledged,
        PerSecond = load.Acknowledged / load.Elapsed.TotalSeconds,
        CallsPerSecond = load.Calls == load.Acknowledged ? null : load.Calls / load.Elapsed.TotalSeconds,
        P50 = Load.Milliseconds(load.Latency, 50),
        P90 = Load.Milliseconds(load.Latency, 90),
        P99 = Load.Milliseconds(load.Latency, 99),
        P999 = Load.Milliseconds(load.Latency, 99.9),
        Max = Load.Milliseconds(load.Latency, 100),
        Errors = load.Errors,
        Seconds = load.Seconds,
    };
}

/// <summary>Prints results as they come, and all of them as JSON at the end.</summary>
internal sealed class Report(Settings settings)
{
    private const string Line =
        "{0,-8}{1,-15}{2,-20}{3,8}{4,10}{5,9}{6,9}{7,9}{8,9}{9,9}{10,8}{11,8}{12,8}{13,8}{14,8}{15,9}{16,9}  {17}";

    private static readonly JsonSerializerOptions JsonForm = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    private readonly List<Result> results = [];
    private readonly DateTimeOffset start = TimeProvider.System.GetUtcNow();
    private bool hasHeader;

    public static void Say(string text) => Console.WriteLine("# " + text);

    public void Add(Result result)
    {
        results.Add(result);
        if (!hasHeader)
        {
            hasHeader = true;
            Console.WriteLine(
                Line, "mode", "database", "workload", "flight", "per s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms",
                "max ms", "rows/t",
                "bytes/t", "node µs", "db µs", "drv µs", "alloc B", "calls/s",
                "errors");
        }

        Console.WriteLine(
            Line, result.Mode, result.Database,
            result.Batch is > 1 ? $"{result.Workload}*{result.Batch}" : result.Workload,
            result.Rate is { } rate ? Text(rate, "0") + "/s" : Text(result.InFlight, "0"), Text(result.PerSecond, "N0"),
            Text(result.P50, "F2"), Text(result.P90, "F2"), Text(result.P99, "F2"), Text(result.P999, "F1"),
            Text(result.Max, "F0"),
            Text(result.JournalRows, "F3"), Text(result.JournalBytes, "F0"), Text(result.NodeMicros, "F0"),
            Text(result.DatabaseMicros, "F0"), Text(result.DriverMicros, "F0"),
            Text(result.AllocatedBytes ?? result.ResidentBytes, "F0"), Text(result.CallsPerSecond, "N0"),
            result.Errors is { Count: > 0 } errors ? Text(errors) : "none");
        if (settings.Plots is { } directory && result.Seconds is { Count: > 1 } seconds && result.Mode == "load")
        {
            Directory.CreateDirectory(directory);
            var at = result.Rate is { } asked ? $"{asked} a second" : $"{result.InFlight} in flight";
            var name = $"{result.Workload}, {result.Batch} a call, {at}, {result.Database}";
            File.WriteAllText(
                Path.Combine(directory, name.Replace(", ", "-", StringComparison.Ordinal).Replace(' ', '_') + ".svg"),
                LatencySvg.Draw(seconds, name));
        }
    }

    public void Write()
    {
        if (settings.Json is not { } file)
        {
            return;
        }

        File.WriteAllText(file, JsonSerializer.Serialize(
            new
            {
                Start = start,
                Machine = new
                {
                    Processors = Environment.ProcessorCount,
                    System = RuntimeInformation.OSDescription,
                    Runtime = RuntimeInformation.FrameworkDescription,
                    MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                },
                settings.Seconds,
                settings.NodeArguments,
                Results = results,
            },
            JsonForm));
    }

    /// <summary>Errors in one line.</summary>
    public static string Text(IReadOnlyDictionary<string, int> errors) =>
        string.Join(", ", errors.Select(static pair => $"{pair.Key}: {pair.Value}"));

    private static string Text(double? number, string format) =>
        number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
