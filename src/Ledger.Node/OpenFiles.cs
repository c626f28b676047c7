using System.Globalization;

namespace Ledger.Node;

/// <summary>How many connections a node may take, so that it never runs out of files.</summary>
/// <remarks>A process that may open no more files can't write to its database either, and the runtime ends it: then
/// connections that nobody says anything on would be enough to stop a node.</remarks>
internal static class OpenFiles
{
    // Of three parts each of the two ports may take one, and the rest is the node's own.
    private const int Parts = 3;
    private const string LimitsFile = "/proc/self/limits";
    private const string Line = "Max open files";

    /// <summary>For each port; null where the system does not say how many files there may be, or sets no
    /// limit.</summary>
    public static long? ConnectionsMax() => File.Exists(LimitsFile) ? ConnectionsMax(File.ReadLines(LimitsFile)) : null;

    /// <summary>The same of the lines of /proc/self/limits.</summary>
    public static long? ConnectionsMax(IEnumerable<string> limits)
    {
        var line = limits.FirstOrDefault(static one => one.StartsWith(Line, StringComparison.Ordinal));
        return line?[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
            && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var files)
                ? Math.Max(files / Parts, 1)
                : null;
    }
}
