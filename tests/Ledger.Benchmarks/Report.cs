using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Ledger.Benchmarks;

/// <summary>One measurement.</summary>
internal sealed record Result(string Mode, string Database, string Workload, int InFlight)
{
    public long Count { get; init; }

    public double PerSecond { get; init; }

    /// <summary>Latencies in milliseconds.</summary>
    public double? P50 { get; init; }

    public double? P99 { get; init; }

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

    public IReadOnlyDictionary<string, int>? Errors { get; init; }

    /// <summary>With what a load has seen.</summary>
    public Result Of(Load load) => this with
    {
        Count = load.Acknowledged,
        PerSecond = load.Acknowledged / load.Elapsed.TotalSeconds,
        P50 = load.Latency.GetValueAtPercentile(50) / 1000.0,
        P99 = load.Latency.GetValueAtPercentile(99) / 1000.0,
        Max = load.Latency.GetValueAtPercentile(100) / 1000.0,
        Errors = load.Errors,
    };
}

/// <summary>Prints results as they come, and all of them as JSON at the end.</summary>
internal sealed class Report(Settings settings)
{
    private const string Line = "{0,-8}{1,-11}{2,-14}{3,6}{4,10}{5,9}{6,9}{7,9}{8,9}{9,8}{10,8}{11,8}{12,8}{13,9}  {14}";

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
                Line, "mode", "database", "workload", "flight", "per s", "p50 ms", "p99 ms", "max ms", "rows/t",
                "bytes/t", "node µs", "db µs", "drv µs", "alloc B", "errors");
        }

        Console.WriteLine(
            Line, result.Mode, result.Database, result.Workload, result.InFlight, Text(result.PerSecond, "N0"),
            Text(result.P50, "F2"), Text(result.P99, "F2"), Text(result.Max, "F0"), Text(result.JournalRows, "F3"),
            Text(result.JournalBytes, "F0"), Text(result.NodeMicros, "F0"), Text(result.DatabaseMicros, "F0"),
            Text(result.DriverMicros, "F0"), Text(result.AllocatedBytes ?? result.ResidentBytes, "F0"),
            result.Errors is { Count: > 0 } errors
                ? string.Join(", ", errors.Select(static pair => $"{pair.Key}: {pair.Value}"))
                : "none");
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

    private static string Text(double? number, string format) =>
        number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
