namespace Ledger.Benchmarks;

/// <summary>The value in the middle.</summary>
internal static class Medians
{
    /// <summary>That of some values, in any order; at least one.</summary>
    public static double Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
