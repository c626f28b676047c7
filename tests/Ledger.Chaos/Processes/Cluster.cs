using System.Collections.Frozen;
using System.Diagnostics;
using Ledger.Tests.Shared;

namespace Ledger.Chaos.Processes;

/// <summary>All that a run runs: nodes, network and database.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly Action<string> _log;
    private readonly Node[] _all;

    private Cluster(Network network, Postgres postgres, Node[] all, Action<string> log) =>
        (Network, Postgres, _all, _log) = (network, postgres, all, log);

    public Network Network { get; }

    public Postgres Postgres { get; }

    /// <summary>The nodes that the cluster is made of.</summary>
    public Node[] Nodes => _all[..Network.Seeds];

    /// <summary>Nodes that do not run, but when a fault has the cluster grow.</summary>
    public Node[] Spares => _all[Network.Seeds..];

    /// <summary>What nodes did of their own accord: an end, a slow stop.</summary>
    public List<string> Incidents { get; } = [];

    public static async Task<Cluster> StartAsync(
        ChaosOptions options, Reaper reaper, string directory, Action<string> log, CancellationToken cancellationToken)
    {
        var postgres = await Postgres.StartNewAsync(
            reaper, Directory.CreateDirectory(Path.Combine(directory, "postgres")).FullName,
            [LoopbackPort.Next(), LoopbackPort.Next()],
            options.MaySwellDisk, cancellationToken);
        var nodes = new Node[options.Nodes + options.Spares];
        var network = new Network(
            options.Nodes,
            nodes.Length,
            options.Seed,
            postgres.EndPoint,
            () => nodes.Where(static node => node?.ProcessId is not null)
                .ToFrozenDictionary(static node => node.ProcessId!.Value, static node => node.Number),
            options.Namespaces ? Namespaces.Make(nodes.Length, reaper) : null);
        var certificates = options.Tls
            ? Certificates.Make(
                Path.Combine(directory, "certificates"),
                [.. network.Addresses.Select(static a => a.PublicRemote.Address)])
            : null;
        var cluster = new Cluster(network, postgres, nodes, log);
        for (var i = 0; i < nodes.Length; i++)
        {
            nodes[i] = new Node(
                i,
                options.OtherNode.Length > 0 ? [options.Node, options.OtherNode] : [options.Node],
                Path.Combine(options.Output, FormattableString.Invariant($"node{i}.log")),
                network,
                reaper,
                node => NodeSettings.Of(options, network, postgres, certificates, node.Number),
                cluster.Report);
        }

        try
        {
            // The first seed founds the cluster, and it begins with a majority.
            foreach (var node in cluster.Nodes)
            {
                node.Start();
            }

            await cluster.WaitReadyAsync(cluster.Nodes, TimeSpan.FromSeconds(120), cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The running nodes, the oldest first.</summary>
    public List<Node> ByAge() =>
        [.. _all.Where(static node => node.ProcessId is not null).OrderBy(static node => node.Age)];

    /// <summary>Waits until nodes say that they can be sent calls.</summary>
    public async Task WaitReadyAsync(
        IReadOnlyCollection<Node> nodes, TimeSpan patience, CancellationToken cancellationToken)
    {
        var waiting = Stopwatch.StartNew();
        foreach (var node in nodes)
        {
            while (!await node.IsReadyAsync(cancellationToken))
            {
                if (waiting.Elapsed > patience)
                {
                    throw new TimeoutException(
                        $"Node {node.Number} was not ready within {patience.TotalSeconds} s. Its health: "
                        + await node.HealthAsync(cancellationToken) + Environment.NewLine
                        + string.Join(Environment.NewLine, File.ReadLines(node.LogFile).TakeLast(20)));
                }

                await Task.Delay(100, cancellationToken);
            }
        }
    }

    /// <summary>Whether all nodes are ready now.</summary>
    public async Task<bool> AllReadyAsync(CancellationToken cancellationToken)
    {
        var ready = await Task.WhenAll(Nodes.Select(node => node.IsReadyAsync(cancellationToken)));
        return Array.TrueForAll(ready, static one => one);
    }

    /// <summary>Undoes whatever faults have left: every link passes, every process runs.</summary>
    public async Task HealAsync(CancellationToken cancellationToken)
    {
        Network.HealAll();
        if (!Postgres.IsRunning)
        {
            await Postgres.StartAsync();
        }

        Postgres.SignalAll(Signals.Continue);
        await Postgres.DropStandbyAsync();
        if (Postgres.NoSpaceFault is null)
        {
            await Postgres.MakeRoomAsync(cancellationToken);
        }

        Network.DatabaseMoved(Postgres.EndPoint);
        Network.DatabaseListens();
        foreach (var node in Nodes)
        {
            node.Resume();
            node.Start();
        }

        foreach (var node in Spares)
        {
            node.Resume();
            await node.TerminateAsync();
        }
    }

    public void Report(int node, string what)
    {
        var line = FormattableString.Invariant($"node {node} {what}");
        lock (Incidents)
        {
            Incidents.Add(line);
        }

        _log(line);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(
            _all.Where(static node => node is not null).Select(static node => node.DisposeAsync().AsTask()));
        await Network.DisposeAsync();
        await Postgres.DisposeAsync();
    }
}
