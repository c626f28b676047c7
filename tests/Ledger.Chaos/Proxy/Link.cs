namespace Ledger.Chaos.Proxy;

/// <summary>What happens to a connection that is about to be made.</summary>
internal enum Admission
{
    /// <summary>It is made as soon as both directions let bytes pass.</summary>
    Accept,

    /// <summary>It is reset at once.</summary>
    Refuse,
}

/// <summary>A link between two parties: its two directions and the connections on it. Thread-safe.</summary>
internal sealed class Link(string name, Direction forward, Direction backward)
{
    private readonly Lock _gate = new();
    private readonly HashSet<ProxyConnection> _connections = [];
    private long _bytes;

    public string Name { get; } = name;

    /// <summary>From whoever connects to whoever is connected to.</summary>
    public Direction Forward { get; } = forward;

    public Direction Backward { get; } = backward;

    public Admission Admission { get; set; }

    /// <summary>Makes the filter of a new connection on this link; null for none.</summary>
    public Func<IConnectionFilter>? FilterFactory { get; init; }

    public long Bytes => Interlocked.Read(ref _bytes);

    public int ConnectionCount
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count;
            }
        }
    }

    public static Link Between(string name, int seed, Func<IConnectionFilter>? filter = null) => new(
        name, new Direction(name + ">", HashCode(seed, 1)), new Direction(name + "<", HashCode(seed, 2)))
    {
        FilterFactory = filter,
    };

    /// <summary>Both directions behave so.</summary>
    public void Set(Behaviour behaviour)
    {
        Forward.Behaviour = behaviour;
        Backward.Behaviour = behaviour;
    }

    /// <summary>Lets everything pass again.</summary>
    public void Heal()
    {
        Admission = Admission.Accept;
        Set(Behaviour.Pass);
    }

    /// <summary>Resets all connections that are there now.</summary>
    public int Reset()
    {
        var all = Snapshot();
        foreach (var connection in all)
        {
            connection.Abort();
        }

        return all.Length;
    }

    /// <summary>Makes half-open connections of all that are there now: they stay, and nothing comes through them ever
    /// again. Later ones are not touched.</summary>
    public int Orphan()
    {
        var all = Snapshot();
        foreach (var connection in all)
        {
            connection.Orphan();
        }

        return all.Length;
    }

    /// <summary>Resets what <see cref="Orphan"/> has left.</summary>
    public void ResetOrphans()
    {
        foreach (var connection in Snapshot())
        {
            if (connection.IsOrphan)
            {
                connection.Abort();
            }
        }
    }

    internal void Add(ProxyConnection connection)
    {
        lock (_gate)
        {
            _connections.Add(connection);
        }
    }

    internal void Remove(ProxyConnection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    internal void Count(int bytes) => Interlocked.Add(ref _bytes, bytes);

    private static int HashCode(int seed, int part) => unchecked((seed * 397) ^ (part * 7919));

    private ProxyConnection[] Snapshot()
    {
        lock (_gate)
        {
            return [.. _connections];
        }
    }
}
