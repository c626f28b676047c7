using System.Globalization;

namespace Ledger.Chaos.Attacks;

/// <summary>What an attack did.</summary>
internal sealed record AttackRow(
    string Name, BystanderFigures Before, BystanderFigures During, bool IsAlive, long? LogBytes, long MemoryBytes,
    string Counts)
{
    /// <summary>The head of the table that the rows make.</summary>
    public const string Head =
        "| attack | p50 ms | p99 ms | ratio | bystander's errors | alive | log KB | memory MiB | what the attacker "
        + "counted |\n|---|---|---|---|---|---|---|---|---|";

    private const double RatioMax = 5;
    private const long LogBytesMax = 1_000_000;

    /// <summary>How many times as long the bystander waited.</summary>
    public double Ratio => During.P99 / Before.P99;

    /// <summary>What must not be, of what was seen.</summary>
    /// <param name="isTimed">Whether how long the bystander waited counts.</param>
    public IEnumerable<string> Broken(bool isTimed)
    {
        if (!IsAlive)
        {
            yield return $"{Name}: the node ended or does not answer";
        }

        if (Before.Errors + During.Errors > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{Name}: {Before.Errors + During.Errors} of the bystander's calls failed");
        }

        if (isTimed && !(Ratio <= RatioMax))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{Name}: the bystander waited {Ratio:0.0} times as long, and at most {RatioMax:0} is allowed");
        }

        if (LogBytes >= LogBytesMax)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{Name}: {LogBytes} bytes were logged");
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {Name} | {Before.P50:0.0} → {During.P50:0.0} | {Before.P99:0.0} → {During.P99:0.0} | {Ratio:0.0} | "
            + $"{Before.Errors + During.Errors} of {Before.Calls + During.Calls} | {(IsAlive ? "yes" : "**no**")} | "
            + $"{(LogBytes is { } bytes ? $"{bytes / 1000.0:0.0}" : "unread")} | {MemoryBytes / 1048576.0:0} | "
            + $"{Counts} |");
}
