using System.Globalization;
using System.Security;
using System.Text;

namespace Ledger.Benchmarks;

/// <summary>Draws a load's latency over time, on a logarithmic scale, and below it the calls per second.</summary>
internal static class LatencySvg
{
    private const int Left = 70;
    private const int Top = 50;
    private const int Width = 900;
    private const int LatencyHeight = 300;
    private const int Gap = 30;
    private const int RateHeight = 100;

    /// <summary>The picture.</summary>
    /// <param name="seconds">The course of the load; not empty.</param>
    /// <param name="title">What it was.</param>
    public static string Draw(IReadOnlyList<Second> seconds, string title)
    {
        var length = seconds[^1].At + 1;
        var most = Math.Max(1, seconds.Max(static second => second.Calls));
        var decades = Math.Max(
            1, (int)Math.Ceiling(Math.Log10(Math.Max(1, seconds.Max(static second => second.Max))) + 1));
        var bottom = Top + LatencyHeight;
        var rateBottom = bottom + Gap + RateHeight;
        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.AppendLine(text.ToString(CultureInfo.InvariantCulture));
        double X(double second) => Left + (second / length * Width);

        // From 0.1 ms.
        double Y(double milliseconds) =>
            bottom - (Math.Clamp(Math.Log10(Math.Max(milliseconds, 0.1)) + 1, 0, decades) / decades * LatencyHeight);

        const string font = "font-family=\"sans-serif\" font-size=\"11\"";
        const string space = "http://www.w3.org/2000/svg";
        Line($"<svg xmlns=\"{space}\" width=\"{Left + Width + 20}\" height=\"{rateBottom + 30}\" {font}>");
        Line($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        Line($"<text x=\"{Left}\" y=\"18\" font-size=\"14\">{SecurityElement.Escape(title)}</text>");
        for (var decade = 0; decade <= decades; decade++)
        {
            var value = Math.Pow(10, decade - 1);
            var (y, right) = (Y(value), Left + Width);
            Line($"<line x1=\"{Left}\" y1=\"{y:0.0}\" x2=\"{right}\" y2=\"{y:0.0}\" stroke=\"#dddddd\"/>");
            Line($"<text x=\"{Left - 6}\" y=\"{Y(value) + 4:0.0}\" text-anchor=\"end\">{value} ms</text>");
        }

        (string Name, string Colour, Func<Second, double> Of)[] curves =
        [
            ("max", "#d1495b", static second => second.Max), ("p99", "#f0a202", static second => second.P99),
            ("p50", "#3a9d5d", static second => second.P50),
        ];
        for (var i = 0; i < curves.Length; i++)
        {
            var (name, colour, of) = curves[i];
            var points = string.Join(' ', seconds.Select(second => string.Create(
                CultureInfo.InvariantCulture, $"{X(second.At + 0.5):0.0},{Y(of(second)):0.0}")));
            Line($"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
            Line($"<text x=\"{Left + (i * 60)}\" y=\"38\" fill=\"{colour}\">{name}</text>");
        }

        Line($"<text x=\"{Left - 6}\" y=\"{bottom + Gap + 10}\" text-anchor=\"end\">{most}/s</text>");
        foreach (var second in seconds)
        {
            var size = (double)RateHeight * second.Calls / most;
            var (x, y) = (X(second.At), rateBottom - size);
            var width = Math.Max(0.5, ((double)Width / length) - 0.5);
            Line($"<rect x=\"{x:0.0}\" y=\"{y:0.0}\" width=\"{width:0.00}\" height=\"{size:0.0}\" fill=\"#8d99ae\"/>");
        }

        var step = Math.Max(1, length / 10);
        for (var second = 0; second <= length; second += step)
        {
            Line($"<text x=\"{X(second):0.0}\" y=\"{rateBottom + 16}\" text-anchor=\"middle\">{second} s</text>");
        }

        svg.AppendLine("</svg>");
        return svg.ToString();
    }
}
