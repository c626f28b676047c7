using System.Globalization;

namespace Ledger.Node;

/// <summary>How many connections a node may take, so that it never runs out of files.</summary>
/// <remarks>A process that may open no more files can't write to its database either, and the runtime ends it: then
/// connections that nobody says anything on would be enough to stop a node.</remarks>
internal static class OpenFiles
{
    // Of three parts each of the two ports may take one, and the rest is the node's own.
    private const int Parts = 3;

    // Its own parts are some 200.
    private const long Least = 512;
    private const string LimitsFile = "/proc/self/limits";
    private const string Line = "Max open files";

    /// <summary>Refuses a limit by which the process can't even load its own parts, and says so as long as it still
    /// can.</summary>
    /// <exception cref="SettingsException">There may be too few open files.</exception>
    public static void RequireEnough()
    {
        if (File.Exists(LimitsFile) && FilesMax(File.ReadLines(LimitsFile)) is < Least and var files)
        {
            throw new SettingsException(
                $"the process may have {files} files open (ulimit -n), and a node needs {Least} at least. Raise the "
                + "limit, as by LimitNOFILE= of systemd or --ulimit nofile= of Docker");
        }
    }

    /// <summary>For each port; null where the system does not say how many files there may be, or sets no
    /// limit.</summary>
    public static long? ConnectionsMax() => File.Exists(LimitsFile) ? ConnectionsMax(File.ReadLines(LimitsFile)) : null;

    /// <summary>The same of the lines of /proc/self/limits.</summary>
    public static long? ConnectionsMax(IEnumerable<string> limits) =>
        FilesMax(limits) is { } files ? Math.Max(files / Parts, 1) : null;

    private static long? FilesMax(IEnumerable<string> limits)
    {
        var line = limits.FirstOrDefault(static one => one.StartsWith(Line, StringComparison.Ordinal));
        return line?[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
            && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var files)
                ? files
                : null;
    }
}
