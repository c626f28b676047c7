using System.Globalization;

namespace Ledger.Benchmarks;

/// <summary>What /proc says about processes. Elsewhere than on Linux it says nothing, and costs are reported as
/// 0.</summary>
internal static class ProcessTimes
{
    // Fixed by Linux' interface to programs, whatever the kernel's own clock.
    private const double TicksPerSecond = 100;

    // Places in /proc/PID/stat, counted from the field after the name.
    private const int Parent = 1;
    private const int UserTime = 11;
    private const int SystemTime = 12;
    private const int ChildUserTime = 13;
    private const int ChildSystemTime = 14;

    public static int ParentOf(int process) => Read(process) is { } stat ? (int)stat[Parent] : 0;

    public static TimeSpan Of(int process) => Read(process) is { } stat
        ? TimeSpan.FromSeconds((stat[UserTime] + stat[SystemTime]) / TicksPerSecond)
        : TimeSpan.Zero;

    /// <summary>A process with its children, those that have ended included.</summary>
    public static TimeSpan OfFamily(int process)
    {
        if (Read(process) is not { } own)
        {
            return TimeSpan.Zero;
        }

        double ticks = own[UserTime] + own[SystemTime] + own[ChildUserTime] + own[ChildSystemTime];
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(
                Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var child)
                && Read(child) is { } stat && stat[Parent] == process)
            {
                ticks += stat[UserTime] + stat[SystemTime];
            }
        }

        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }

    /// <summary>Resident memory in bytes.</summary>
    public static long Resident(int process)
    {
        const string label = "VmRSS:";
        foreach (var line in Lines($"/proc/{process}/status"))
        {
            if (line.StartsWith(label, StringComparison.Ordinal))
            {
                return 1024 * long.Parse(
                    line.AsSpan(label.Length).Trim().TrimEnd(" kB"), NumberStyles.None, CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    private static long[]? Read(int process)
    {
        if (Lines($"/proc/{process}/stat") is not [var line])
        {
            return null;
        }

        // The name stands in parentheses and may hold anything.
        var fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
        var numbers = new long[ChildSystemTime + 1];
        for (var i = 1; i < numbers.Length; i++)
        {
            numbers[i] = long.Parse(fields[i], CultureInfo.InvariantCulture);
        }

        return numbers;
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return [];
        }
    }
}
