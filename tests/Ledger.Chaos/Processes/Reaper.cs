using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Ledger.Chaos.Processes;

/// <summary>Cleans up behind a driver that can't do it any more: a process that is told what was started and made, and
/// that ends the processes and removes the directories once the driver's end of its pipe closes, for whatever
/// reason.</summary>
/// <remarks>The kernel's own means, PR_SET_PDEATHSIG, is bound to the thread that started the child, and .NET's threads
/// come and go.</remarks>
internal sealed class Reaper : IDisposable
{
    public const string Command = "reaper";

    private readonly Lock _gate = new();
    private readonly Process _process;

    private Reaper(Process process) => _process = process;

    public static Reaper Start()
    {
        var own = Environment.ProcessPath!;
        var start = new ProcessStartInfo(own) { RedirectStandardInput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(own) is "dotnet")
        {
            start.ArgumentList.Add(typeof(Reaper).Assembly.Location);
        }

        start.ArgumentList.Add(Command);
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x2000000";
        return new Reaper(Process.Start(start)!);
    }

    /// <summary>A process to be ended.</summary>
    public void Watch(int process) =>
        Tell(
            $"process {process.ToString(CultureInfo.InvariantCulture)} "
                + $"{Signals.StartOf(process)?.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>A directory to be removed.</summary>
    public void WatchDirectory(string directory) => Tell("directory " + directory);

    /// <summary>A file system to be unmounted before directories are removed.</summary>
    public void WatchMount(string directory) => Tell("mount " + directory);

    /// <summary>A network namespace to be deleted once its processes have ended.</summary>
    public void WatchNamespace(string name) => Tell("namespace " + name);

    /// <summary>A network interface to be deleted.</summary>
    public void WatchLink(string name) => Tell("link " + name);

    /// <summary>Cleans up now and waits for it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _process.StandardInput.Close();
        }

        if (!_process.WaitForExit(TimeSpan.FromSeconds(30)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>The reaper itself.</summary>
    public static int Run(TextReader input)
    {
        // Whoever presses Ctrl-C means the driver; it is what the reaper has to survive.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT,
            static context => context.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM,
            static context => context.Cancel = true);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, static context => context.Cancel = true);
        var processes = new List<(int Id, long Start)>();
        var directories = new List<string>();
        var mounts = new List<string>();
        var networks = new List<string[]>();
        while (input.ReadLine() is { } line)
        {
            var parts = line.Split(' ');
            switch (parts[0])
            {
                case "process" when parts.Length > 2 && parts[2].Length > 0:
                    processes.Add((
                        int.Parse(parts[1], CultureInfo.InvariantCulture),
                        long.Parse(parts[2], CultureInfo.InvariantCulture)));
                    break;
                case "directory":
                    directories.Add(line["directory ".Length..]);
                    break;
                case "namespace":
                    networks.Add(["netns", "delete", parts[1]]);
                    break;
                case "link":
                    networks.Add(["link", "delete", parts[1]]);
                    break;
                case "mount":
                    mounts.Add(line["mount ".Length..]);
                    break;
            }
        }

        EndAll(processes);
        mounts.ForEach(static directory => RunQuietly("umount", directory));
        networks.ForEach(static arguments => RunQuietly(Namespaces.Program ?? "ip", arguments));
        directories.ForEach(Remove);
        return 0;
    }

    private static void EndAll(List<(int Id, long Start)> processes)
    {
        // Children too, which a server that was killed leaves behind.
        var all = new List<(int Id, long Start)>();
        foreach (var (id, start) in processes)
        {
            if (Signals.StartOf(id) == start)
            {
                all.Add((id, start));
                all.AddRange(Signals.ChildrenOf(id).Select(static child => (child, Signals.StartOf(child) ?? 0)));
            }
        }

        foreach (var (id, start) in all)
        {
            if (Signals.StartOf(id) == start)
            {
                Signals.Send(id, Signals.Kill);
            }
        }

        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < TimeSpan.FromSeconds(10)
            && all.Exists(static one => Signals.StartOf(one.Id) == one.Start && Signals.IsAlive(one.Id)))
        {
            Thread.Sleep(20);
        }
    }

    // What was told to us may not have come to be.
    private static void RunQuietly(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false,
            })!;
            process.WaitForExit();
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            Console.Error.WriteLine($"chaos: {program} {string.Join(' ', arguments)}: {e.Message}");
        }
    }

    private static void Remove(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return;
        }

        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"chaos: {directory} could not be removed: {e.Message}");
        }
    }

    private void Tell(string line)
    {
        lock (_gate)
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
    }
}
