using System.Globalization;
using System.Text;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos.Reports;

/// <summary>Writes what is for people: a page and a picture.</summary>
internal static class ReportWriter
{
    public static async Task WriteAsync(
        ChaosOptions options,
        Availability availability,
        SortedDictionary<string, string> skipped,
        IReadOnlyList<string> incidents,
        Recorder recorder,
        CancellationToken cancellationToken)
    {
        var faults = availability.Effects.Count;
        var title = FormattableString.Invariant(
            $"seed {options.Seed}, {options.Nodes} nodes, workload {options.Workload}, {faults} faults");
        await File.WriteAllTextAsync(
            Path.Combine(options.Output, "timeline.svg"), TimelineSvg.Draw(availability, title), cancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(options.Output, "report.md"), Page(title, availability, skipped, incidents, recorder),
            cancellationToken);
    }

    internal static string Page(
        string title,
        Availability availability,
        SortedDictionary<string, string> skipped,
        IReadOnlyList<string> incidents,
        Recorder recorder)
    {
        var page = new StringBuilder();
        void Line(params FormattableString[] parts) =>
            page.AppendLine(string.Concat(parts.Select(FormattableString.Invariant)));
        Line($"# {title}");
        Line($"");
        Line($"![calls and faults](timeline.svg)");
        Line($"");
        Line(
            $"A shard counts as lost from the beginning of a probe that failed or took longer than ",
            $"{Availability.Late.TotalSeconds} s to the end of the next one that succeeded. *Lost* is the ",
            $"fraction of the shards times seconds. *Elsewhere* are calls on accounts that were not on a struck ",
            $"node.");
        Line($"");
        Line(
            $"In all: {availability.UnavailableSeconds:0.0} s lost; {availability.Points.Length} calls, ",
            $"{availability.Points.Count(static p => p.Outcome == CallOutcome.Unknown)} unknown.");
        Line($"");
        Line(
            $"| fault | target | from s | lasted s | first failure after s | all writable after s | lost s | unknown ",
            $"| failed | elsewhere p99 ms | elsewhere failed | note |");
        Line($"|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var effect in availability.Effects)
        {
            var fault = effect.Fault;
            Line(
                $"| {fault.Kind} | {fault.Target} | {fault.From / 1e9:0.0} | {(fault.To - fault.From) / 1e9:0.0} | ",
                $"{Number(effect.FirstFailure)} | ",
                $"{(fault.Recovered is null ? "never" : Number(effect.Restored))} | {effect.Lost:0.00} | ",
                $"{effect.Unknowns} | {effect.Failures} | {Number(effect.ElsewhereP99)} | ",
                $"{effect.ElsewhereFailures} | {fault.Note} |");
        }

        Line($"");
        Line($"## Failed calls");
        Line($"");
        foreach (var (error, count) in recorder.Errors().OrderByDescending(static pair => pair.Value))
        {
            Line($"- {error}: {count}");
        }

        if (skipped.Count > 0)
        {
            Line($"");
            Line($"## Left out");
            Line($"");
            foreach (var (kind, why) in skipped)
            {
                Line($"- {kind}: {why}");
            }
        }

        if (incidents.Count > 0)
        {
            Line($"");
            Line($"## What nodes did of their own accord");
            Line($"");
            foreach (var incident in incidents)
            {
                Line($"- {incident}");
            }
        }

        return page.ToString();
    }

    private static string Number(double? value) => value?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-";
}
