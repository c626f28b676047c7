using System.Diagnostics.Metrics;
using System.Text;
using System.Text.RegularExpressions;
using Ledger.Tests.Shared;

namespace Ledger.Node.Tests;

/// <summary>docs/operating/metrics.md: its table follows from the instruments, but for what to do.</summary>
internal static partial class MetricsPage
{
    private const string Begin = "<!-- metrics -->\n";
    private const string End = "<!-- /metrics -->";
    private const string Unsaid = "?";

    private static readonly string s_path = Path.Combine(Root(), "docs", "operating", "metrics.md");

    /// <summary>The rules of alerts.</summary>
    public static string Rules { get; } = File.ReadAllText(
        Path.Combine(Root(), "deploy", "prometheus", "ledger.rules.yml"));

    /// <summary>What the page says.</summary>
    public static string Text => File.ReadAllText(s_path);

    /// <summary>The name that the exporter makes of an instrument.</summary>
    public static string Exported(Instrument instrument) =>
        instrument.Name.Replace('.', '_') + (instrument.Unit == "s" ? "_seconds" : "")
        + (IsCounter(instrument) ? "_total" : "");

    /// <summary>The page with a table of these instruments. What to do is taken over from the page.</summary>
    public static string With(MeterRecorder meter)
    {
        var advice = Row().Matches(Text).ToDictionary(
            static row => row.Groups["name"].Value, static row => row.Groups["advice"].Value, StringComparer.Ordinal);
        var table = new StringBuilder("""
            | instrument | in Prometheus | kind, unit | labels | says | what to do |
            |---|---|---|---|---|---|

            """);
        foreach (var instrument in meter.Instruments.Where(static one => one.Meter.Name == LedgerTelemetry.MeterName)
            .OrderBy(static one => one.Name, StringComparer.Ordinal))
        {
            var labels = meter.Measured.Where(one => one.Name == instrument.Name)
                .SelectMany(static one => one.Labels.Split(',', StringSplitOptions.RemoveEmptyEntries))
                .Select(static label => $"`{label.Split('=')[0]}`").Distinct().Order(StringComparer.Ordinal).ToArray();
            table.Append(
                null, $"| `{instrument.Name}` | `{Exported(instrument)}` | {KindOf(instrument)}, {instrument.Unit} ")
                .Append(
                    null, $"| {(labels.Length == 0 ? "none" : string.Join(", ", labels))} | {instrument.Description} ")
                .Append(null, $"| {advice.GetValueOrDefault(instrument.Name, Unsaid)} |\n");
        }

        var text = Text;
        var from = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return text[..from] + table + text[text.IndexOf(End, StringComparison.Ordinal)..];
    }

    /// <summary>Writes the page anew.</summary>
    public static void Write(string text) => File.WriteAllText(s_path, text);

    private static string KindOf(Instrument instrument)
    {
        var name = instrument.GetType().Name.Split('`')[0].Replace("Observable", "", StringComparison.Ordinal);
        return name == "UpDownCounter" ? "gauge" : name.ToLowerInvariant();
    }

    private static bool IsCounter(Instrument instrument) => KindOf(instrument) == "counter";

    private static string Root()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Ledger.sln")))
        {
            root = root.Parent ?? throw new InvalidOperationException("Ledger.sln was not found above the tests.");
        }

        return root.FullName;
    }

    [GeneratedRegex(
        @"^\| `(?<name>ledger\.[^`]+)` \|.* \| (?<advice>[^|]+) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Row();
}
