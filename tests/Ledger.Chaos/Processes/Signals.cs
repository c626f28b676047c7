using System.Globalization;
using System.Runtime.InteropServices;

namespace Ledger.Chaos.Processes;

/// <summary>kill(2), and what /proc tells of processes.</summary>
internal static partial class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;
    public const int Quit = 3;

    private const int NoSuchProcess = 3;

    /// <summary>Sends a signal; false when there is no such process.</summary>
    public static bool Send(int process, int signal)
    {
        if (process <= 1)
        {
            // 0 and -1 would mean many processes, and 1 is nobody's to end.
            throw new ArgumentOutOfRangeException(nameof(process), process, "not a process of ours");
        }

        if (SendSignal(process, signal) == 0)
        {
            return true;
        }

        var error = Marshal.GetLastPInvokeError();
        return error == NoSuchProcess
            ? false
            : throw new InvalidOperationException($"Signal {signal} to process {process} failed with error {error}.");
    }

    /// <summary>When a process was started, in ticks since the machine's start; with it a process id that was given
    /// away again is not mistaken for the process that had it. Null when there is none.</summary>
    public static long? StartOf(int process) => Fields(process) is { } fields
        ? long.Parse(fields[19], CultureInfo.InvariantCulture)
        : null;

    /// <summary>Whether a process is there and no zombie.</summary>
    public static bool IsAlive(int process) => Fields(process) is { } fields && fields[0] is not ("Z" or "X");

    /// <summary>Whether its number still means it, alive or dead.</summary>
    public static bool Exists(int process) => Fields(process) is not null;

    /// <summary>The children of a process.</summary>
    public static List<int> ChildrenOf(int parent)
    {
        var children = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var process)
                && Fields(process) is { } fields
                && int.Parse(fields[1], CultureInfo.InvariantCulture) == parent)
            {
                children.Add(process);
            }
        }

        return children;
    }

    // What stands behind the name, which is in brackets and may hold anything: state, parent, ...
    private static string[]? Fields(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
