using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Ledger.Chaos.Processes;

/// <summary>A network namespace of its own for each node, on a bridge of their own, where the driver has an address
/// too. Between nodes there is no proxy: partitions are routes that lead nowhere.</summary>
/// <remarks>Everything is told to the reaper before it is made, so that nothing is left behind.</remarks>
internal sealed class Namespaces
{
    /// <summary>The program that makes and deletes them; null where there is none.</summary>
    public static readonly string? Program =
        Array.Find(["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"], File.Exists);

    private readonly string _prefix;
    private readonly string _subnet;
    private readonly HashSet<(int From, int To)> _cuts = [];
    private readonly Lock _gate = new();

    private Namespaces()
    {
        // By the process: several runs may go on at once. An interface's name has 15 characters at most.
        var process = Environment.ProcessId;
        _prefix = string.Create(CultureInfo.InvariantCulture, $"lc{process}");
        _subnet = string.Create(
            CultureInfo.InvariantCulture, $"10.{100 + (process / 250 % 100)}.{1 + (process % 250)}.");
        Host = IPAddress.Parse(_subnet + "254");
    }

    /// <summary>Why there can be none; null when there can.</summary>
    public static string? Missing => !Environment.IsPrivilegedProcess ? "namespaces take root"
        : Program is null ? "namespaces take iproute2's ip" : null;

    /// <summary>Where the driver is reached by the nodes.</summary>
    public IPAddress Host { get; }

    /// <summary>Makes them.</summary>
    public static Namespaces Make(int nodes, Reaper reaper)
    {
        if (Missing is { } missing)
        {
            throw new InvalidOperationException(missing);
        }

        var made = new Namespaces();
        var bridge = made._prefix;
        reaper.WatchLink(bridge);
        Run("link", "add", bridge, "type", "bridge");
        Run("addr", "add", $"{made.Host}/24", "dev", bridge);
        Run("link", "set", bridge, "up");
        for (var node = 0; node < nodes; node++)
        {
            var name = made.NameOf(node);
            var end = string.Create(CultureInfo.InvariantCulture, $"{bridge}v{node}");
            reaper.WatchNamespace(name);
            Run("netns", "add", name);
            Run("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name);
            Run("link", "set", end, "master", bridge, "up");
            Run("-n", name, "addr", "add", $"{made.AddressOf(node)}/24", "dev", "eth0");
            Run("-n", name, "link", "set", "eth0", "up");
            Run("-n", name, "link", "set", "lo", "up");
        }

        return made;
    }

    /// <summary>A node's address.</summary>
    public IPAddress AddressOf(int node) =>
        IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"{_subnet}{1 + node}"));

    /// <summary>What a node's program is begun with.</summary>
    public IReadOnlyList<string> CommandOf(int node) => [Program!, "netns", "exec", NameOf(node)];

    /// <summary>Whether what a node sends to another gets lost. What it hears is not touched. A connection that it
    /// wants to make fails at once: the kernel knows that the route leads nowhere.</summary>
    public void Set(int from, int to, bool isLost)
    {
        lock (_gate)
        {
            if (isLost == _cuts.Contains((from, to)))
            {
                return;
            }

            // Noted only once it is so: what could not be undone is tried again.
            Run("-n", NameOf(from), "route", isLost ? "add" : "del", "blackhole", $"{AddressOf(to)}/32");
            if (isLost)
            {
                _cuts.Add((from, to));
            }
            else
            {
                _cuts.Remove((from, to));
            }
        }
    }

    private static void Run(params string[] arguments)
    {
        using var ip = Process.Start(new ProcessStartInfo(Program!, arguments)
        {
            RedirectStandardError = true, UseShellExecute = false
        })!;
        var said = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        if (ip.ExitCode != 0)
        {
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)}: {said.Trim()}");
        }
    }

    private string NameOf(int node) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}n{node}");
}
