using System.Globalization;
using System.Text;
using Ledger.Fuzz.Inputs;

namespace Ledger.Fuzz;

/// <summary>Counts answers: how many inputs got how far, by method. Safe for many threads.</summary>
internal sealed class Tally
{
    private const int ShownReasons = 4;

    private readonly Dictionary<(string Method, InputForm Form), Dictionary<string, int>> counts = [];
    private readonly Lock gate = new();

    /// <summary>Counts one.</summary>
    public void Add(FuzzInput input, string reason)
    {
        lock (gate)
        {
            var key = (input.Method, input.Form);
            if (!counts.TryGetValue(key, out var reasons))
            {
                counts[key] = reasons = new Dictionary<string, int>(StringComparer.Ordinal);
            }

            reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
        }
    }

    /// <summary>How many there were of one reason.</summary>
    public int Of(string reason)
    {
        lock (gate)
        {
            return counts.Values.Sum(reasons => reasons.GetValueOrDefault(reason));
        }
    }

    /// <summary>A table of methods, with what most of their inputs were answered.</summary>
    public override string ToString()
    {
        lock (gate)
        {
            var text = new StringBuilder();
            foreach (var ((method, form), reasons) in counts
                .OrderBy(static one => one.Key.Method, StringComparer.Ordinal).ThenBy(static one => one.Key.Form))
            {
                var most = reasons.Where(static one => one.Key != "OK").OrderByDescending(static one => one.Value)
                    .Take(ShownReasons)
                    .Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value}"));
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"  {method[(method.IndexOf('.', method.IndexOf('.', StringComparison.Ordinal) + 1) + 1)..],-46} "
                        + $"{form,-5} {reasons.Values.Sum(),7} OK {reasons.GetValueOrDefault("OK"),6}  "
                        + $"{string.Join(", ", most)}");
            }

            return text.ToString();
        }
    }
}
