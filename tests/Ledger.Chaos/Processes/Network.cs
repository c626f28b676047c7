using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Ledger.Chaos.Proxy;
using Ledger.Tests.Shared;

namespace Ledger.Chaos.Processes;

/// <summary>Where one node is reached: really, and by way of the proxy.</summary>
internal sealed record NodeAddresses(
    IPEndPoint Grpc,
    IPEndPoint PublicGrpc,
    IPEndPoint Http,
    IPEndPoint Remote,
    IPEndPoint PublicRemote,
    IPEndPoint Database);

/// <summary>Every link of a run: clients to nodes, nodes to each other, nodes to the database. Nothing reaches a node
/// but over one of them, except that the driver asks for its health, and that nodes in namespaces of their own reach
/// each other directly.
/// </summary>
internal sealed class Network : IAsyncDisposable
{
    private readonly List<ProxyListener> _listeners = [];
    private readonly ProxyListener[] _toGrpc;
    private readonly ProxyListener[] _toRemote = [];
    private readonly ProxyListener[] _toDatabase;
    private readonly Direction[,] _directions;
    private readonly Link[,] _cluster;
    private readonly ConcurrentDictionary<string, int> _placement = new(StringComparer.Ordinal);

    /// <summary>Makes the links and starts to listen.</summary>
    /// <param name="seeds">How many nodes found the cluster and are known to the clients.</param>
    /// <param name="nodes">How many nodes, those besides that may join them later.</param>
    /// <param name="seed">Of all that is random on the links.</param>
    /// <param name="database">Where PostgreSQL is.</param>
    /// <param name="nodeOf">The node that a process is; null when it is none.</param>
    /// <param name="namespaces">The nodes' own networks; null when they share ours.</param>
    public Network(
        int seeds, int nodes, ulong seed, IPEndPoint database, Func<IReadOnlyDictionary<int, int>> nodeOf,
        Namespaces? namespaces)
    {
        Seeds = seeds;
        Namespaces = namespaces;
        var random = new Random(unchecked((int)(seed ^ (seed >> 32))));
        _directions = new Direction[nodes, nodes];
        _cluster = new Link[nodes, nodes];
        for (var i = 0; i < nodes; i++)
        {
            for (var j = 0; j < nodes; j++)
            {
                var (from, to) = (i, j);
                _directions[i, j] = new Direction(Name($"node{i}>node{j}"), random.Next())
                {
                    Applies = namespaces is null || i == j ? null : behaviour =>
                        namespaces.Set(from, to, behaviour.Stalled),
                };
            }
        }

        for (var i = 0; i < nodes; i++)
        {
            for (var j = 0; j < nodes; j++)
            {
                _cluster[i, j] = new Link(Name($"node{i}-node{j}"), _directions[i, j], _directions[j, i]);
            }
        }

        Databases = [.. Enumerable.Range(0, nodes).Select(i => new PostgresWatch(account => _placement[account] = i))];
        ToDatabase = [.. Enumerable.Range(0, nodes).Select(i =>
            Link.Between(Name($"node{i}-database"), random.Next(), Databases[i].NewFilter))];
        FromClients =
            [.. Enumerable.Range(0, nodes).Select(i => Link.Between(Name($"clients-node{i}"), random.Next()))];

        // All of 127.0.0.0/8 is this machine: a node listens at one address of it and is known by another, where the
        // proxy listens on the same port. The second and third number keep runs apart that go on at once.
        var subnet = Name($"127.{1 + (Environment.ProcessId / 250 % 250)}.{1 + (Environment.ProcessId % 250)}.");
        var remotePort = LoopbackPort.Next();
        Addresses = [.. Enumerable.Range(0, nodes).Select(i =>
        {
            var at = namespaces?.AddressOf(i);
            return new NodeAddresses(
                new IPEndPoint(at ?? IPAddress.Loopback, LoopbackPort.Next()),
                new IPEndPoint(IPAddress.Loopback, LoopbackPort.Next()),
                new IPEndPoint(at ?? IPAddress.Loopback, LoopbackPort.Next()),
                new IPEndPoint(at ?? IPAddress.Parse(Name($"{subnet}{1 + i}")), remotePort),
                new IPEndPoint(at ?? IPAddress.Parse(Name($"{subnet}{101 + i}")), remotePort),
                new IPEndPoint(namespaces?.Host ?? IPAddress.Loopback, LoopbackPort.Next()));
        })];
        _toGrpc = [.. Addresses.Select((a, i) => Listen(new ProxyListener(a.PublicGrpc, a.Grpc, FromClients[i])))];
        _toDatabase = [.. Addresses.Select((a, i) => Listen(new ProxyListener(a.Database, database, ToDatabase[i])))];
        if (namespaces is null)
        {
            _toRemote = [.. Addresses.Select((a, j) => Listen(new ProxyListener(a.PublicRemote, a.Remote, socket =>
            {
                var processes = nodeOf();
                return SocketOwners.OwnerOf(socket, processes.Keys) is { } owner ? _cluster[processes[owner], j] : null;
            })))];
        }

        for (var i = 0; i < nodes; i++)
        {
            NodeGone(i);
        }
    }

    /// <summary>How many nodes found the cluster and are known to the clients; they are the first ones.</summary>
    public int Seeds { get; }

    /// <summary>The nodes' own networks; null when they share ours.</summary>
    public Namespaces? Namespaces { get; }

    public NodeAddresses[] Addresses { get; }

    /// <summary>By node: its links to PostgreSQL.</summary>
    public Link[] ToDatabase { get; }

    /// <summary>By node: what is seen on them.</summary>
    public PostgresWatch[] Databases { get; }

    /// <summary>By node: the clients' links to it.</summary>
    public Link[] FromClients { get; }

    /// <summary>By persistence id: the node that wrote to it last, as was seen on its way to the database.</summary>
    public IReadOnlyDictionary<string, int> Placement => _placement;

    /// <summary>From one node to another, whichever of the two has made the connection.</summary>
    public Direction Between(int from, int to) => _directions[from, to];

    /// <summary>Every direction between two nodes, both ways.</summary>
    public void SetBetween(int one, int other, Behaviour behaviour)
    {
        _directions[one, other].Behaviour = behaviour;
        _directions[other, one].Behaviour = behaviour;
    }

    /// <summary>The connections that one node has made to another.</summary>
    public Link ClusterLink(int from, int to) => _cluster[from, to];

    /// <summary>All links between two nodes.</summary>
    public IEnumerable<Link> LinksBetween(int one, int other) => [_cluster[one, other], _cluster[other, one]];

    /// <summary>Everything passes again.</summary>
    public void HealAll()
    {
        foreach (var link in _cluster.Cast<Link>().Concat(ToDatabase).Concat(FromClients))
        {
            link.Heal();
        }

        foreach (var watch in Databases)
        {
            watch.Trap?.Release();
            watch.Trap = null;
        }
    }

    /// <summary>Nobody listens for a node any more.</summary>
    public void NodeGone(int node)
    {
        _toGrpc[node].Suspend();
        _toRemote.ElementAtOrDefault(node)?.Suspend();
    }

    /// <summary>A node may be reached as soon as it listens.</summary>
    /// <param name="node">The node.</param>
    /// <param name="process">Its process.</param>
    /// <returns>Whether it listens everywhere.</returns>
    public bool LetIn(int node, int process)
    {
        int? network = Namespaces is null ? null : process;
        var remote = SocketOwners.IsListening(Addresses[node].Remote, network);
        var grpc = SocketOwners.IsListening(Addresses[node].Grpc, network);
        if (remote)
        {
            _toRemote.ElementAtOrDefault(node)?.Resume();
        }

        if (grpc)
        {
            _toGrpc[node].Resume();
        }

        return remote && grpc;
    }

    public void DatabaseGone() => Array.ForEach(_toDatabase, static listener => listener.Suspend());

    /// <summary>Another server has taken the database's place.</summary>
    public void DatabaseMoved(IPEndPoint database) =>
        Array.ForEach(_toDatabase, listener => listener.Target = database);

    public void DatabaseListens() => Array.ForEach(_toDatabase, static listener => listener.Resume());

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }
    }

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private ProxyListener Listen(ProxyListener listener)
    {
        _listeners.Add(listener);
        return listener;
    }
}
