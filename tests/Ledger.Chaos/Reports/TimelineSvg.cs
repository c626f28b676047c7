using System.Globalization;
using System.Security;
using System.Text;
using Ledger.Chaos.Checking;

namespace Ledger.Chaos.Reports;

/// <summary>Draws a run: calls a second by how they ended, below it which shards could be written, and the faults over
/// both.</summary>
internal static class TimelineSvg
{
    private const int Left = 60;
    private const int Top = 150;
    private const int PlotHeight = 220;
    private const int GapHeight = 30;
    private const int ShardHeight = 6;
    private const int WidthMin = 900;
    private const int WidthMax = 6000;

    public static string Draw(Availability availability, string title)
    {
        var points = availability.Points;
        var seconds = points.Length == 0 ? 1 : (int)(points.Max(static point => point.Complete) / 1_000_000_000) + 1;
        var width = Math.Clamp(seconds * 6, WidthMin, WidthMax);
        var shardTop = Top + PlotHeight + GapHeight;
        var height = shardTop + (availability.Shards * ShardHeight) + 40;
        double X(long nanoseconds) => Left + (nanoseconds / 1e9 / seconds * width);

        var svg = new StringBuilder();
        void Line(params FormattableString[] parts) =>
            svg.AppendLine(string.Concat(parts.Select(FormattableString.Invariant)));
        Line(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Left + width + 20}\" height=\"{height}\" ",
            $"font-family=\"sans-serif\" font-size=\"11\">");
        Line($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        Line($"<text x=\"{Left}\" y=\"18\" font-size=\"14\">{Escape(title)}</text>");
        foreach (var effect in availability.Effects)
        {
            var x = X(effect.Fault.From);
            var to = X(effect.Fault.To);
            Line(
                $"<rect x=\"{x:0.0}\" y=\"{Top}\" width=\"{Math.Max(1, to - x):0.0}\" height=\"{height - Top - 30}\" ",
                $"fill=\"#f5c26b\" fill-opacity=\"0.35\"/>");
            Line(
                $"<text transform=\"translate({x + 3:0.0},{Top - 4}) rotate(-60)\" ",
                $"font-size=\"9\">{Escape(effect.Fault.Kind + " " + effect.Fault.Target)}</text>");
        }

        var counts = Count(points, seconds);
        var most = Math.Max(1, counts.Max(static count => count.Sum()));
        string[] colours = ["#3a9d5d", "#8d99ae", "#d1495b"];
        for (var second = 0; second < seconds; second++)
        {
            var y = (double)(Top + PlotHeight);
            for (var kind = 0; kind < colours.Length; kind++)
            {
                var size = (double)PlotHeight * counts[second][kind] / most;
                y -= size;
                if (size > 0)
                {
                    Line(
                        $"<rect x=\"{X(second * 1_000_000_000L):0.0}\" y=\"{y:0.0}\" ",
                        $"width=\"{Math.Max(0.5, ((double)width / seconds) - 0.5):0.00}\" height=\"{size:0.0}\" ",
                        $"fill=\"{colours[kind]}\"/>");
                }
            }
        }

        Line($"<text x=\"4\" y=\"{Top + 10}\">{most}/s</text>");
        Line($"<text x=\"4\" y=\"{Top + PlotHeight}\">0</text>");
        Line(
            $"<text x=\"{Left}\" y=\"36\"><tspan fill=\"{colours[0]}\">recorded or answered</tspan> <tspan ",
            $"fill=\"{colours[1]}\">rejected</tspan> <tspan fill=\"{colours[2]}\">failed or unknown</tspan> ",
            $"<tspan fill=\"#b07d1d\">faults</tspan></text>");
        Line($"<text x=\"4\" y=\"{shardTop + 10}\">shards</text>");
        Line(
            $"<rect x=\"{Left}\" y=\"{shardTop}\" width=\"{width}\" height=\"{availability.Shards * ShardHeight}\" ",
            $"fill=\"#e8f3ec\"/>");
        foreach (var outage in availability.Outages)
        {
            Line(
                $"<rect x=\"{X(outage.From):0.0}\" y=\"{shardTop + (outage.Shard * ShardHeight)}\" ",
                $"width=\"{Math.Max(0.5, X(outage.To) - X(outage.From)):0.0}\" height=\"{ShardHeight - 1}\" ",
                $"fill=\"#d1495b\"/>");
        }

        var step = Math.Max(10, seconds / 12 / 10 * 10);
        for (var second = 0; second <= seconds; second += step)
        {
            Line(
                $"<text x=\"{X(second * 1_000_000_000L):0.0}\" y=\"{height - 10}\" ",
                $"text-anchor=\"middle\">{second} s</text>");
        }

        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    // In whose second they ended: what went well, what was refused, what failed.
    private static int[][] Count(Workload.CallPoint[] points, int seconds)
    {
        var counts = Enumerable.Range(0, seconds).Select(static _ => new int[3]).ToArray();
        foreach (var point in points)
        {
            var kind = point.Failed || point.Outcome == CallOutcome.Unknown
                ? 2
                : point.Outcome == CallOutcome.Ok ? 0 : 1;
            counts[(int)(point.Complete / 1_000_000_000)][kind]++;
        }

        return counts;
    }

    private static string Escape(string text) => SecurityElement.Escape(text);
}
