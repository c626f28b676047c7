using System.Globalization;

namespace Ledger.Cli;

/// <summary>A length of time as it is written on the command line: the default that help prints can be typed
/// in.</summary>
/// <param name="Value">How long.</param>
internal readonly record struct LengthOfTime(TimeSpan Value)
{
    public override string ToString()
    {
        var (count, unit) = Value.Ticks switch
        {
            0 => (0, "s"),
            var ticks when ticks % TimeSpan.TicksPerHour == 0 => (ticks / TimeSpan.TicksPerHour, "h"),
            var ticks when ticks % TimeSpan.TicksPerMinute == 0 => (ticks / TimeSpan.TicksPerMinute, "m"),
            var ticks when ticks % TimeSpan.TicksPerSecond == 0 => (ticks / TimeSpan.TicksPerSecond, "s"),
            var ticks => (ticks / TimeSpan.TicksPerMillisecond, "ms"),
        };
        return count.ToString(CultureInfo.InvariantCulture) + unit;
    }
}
