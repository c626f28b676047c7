using Ledger.Chaos.Processes;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos.Faults;

/// <summary>What a fault strikes. Two at once must not both have the database's processes, say, in their
/// hands.</summary>
internal enum Struck
{
    Nodes,
    Network,
    Database,
    Commit,
    Clients,
    Several,
}

/// <summary>A kind of fault.</summary>
/// <param name="Name">Its name on the command line and in the history.</param>
/// <param name="Group">The group that it belongs to, by which it can be asked for.</param>
/// <param name="Struck">What it strikes.</param>
/// <param name="Description">What it does.</param>
/// <param name="Run">Does it, from beginning to healed.</param>
internal sealed record FaultKind(
    string Name, string Group, Struck Struck, string Description, Func<FaultContext, Task> Run)
{
    /// <summary>Why it can't be had here; null when it can.</summary>
    public Func<Cluster, string?> Missing { get; init; } = static _ => null;

    /// <summary>How many nodes it takes at least.</summary>
    public int NodesMin { get; init; } = 1;
}

/// <summary>A fault that is to come: everything about it follows from these.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Seed">Of its targets, lengths and moments.</param>
/// <param name="Gap">How long to wait before it, once all is well.</param>
internal sealed record PlannedFault(int Number, FaultKind Kind, int Seed, TimeSpan Gap);

/// <summary>The faults of a run, one after the other without end: the seed and the kinds decide. Every kind comes once
/// before any comes again.</summary>
internal static class FaultSchedule
{
    public static IEnumerable<PlannedFault> Of(ulong seed, IReadOnlyList<FaultKind> kinds)
    {
        if (kinds.Count == 0)
        {
            yield break;
        }

        var random = new Random(unchecked((int)((seed * 0x9E3779B97F4A7C15) >> 33)));
        var bag = new FaultKind[kinds.Count];
        for (var number = 0; ; number++)
        {
            var place = number % bag.Length;
            if (place == 0)
            {
                kinds.ToArray().CopyTo(bag, 0);
                random.Shuffle(bag);
            }

            yield return new PlannedFault(
                number, bag[place], random.Next(), TimeSpan.FromMilliseconds(random.Next(500, 4000)));
        }
    }
}

/// <summary>What happened: one fault that was injected.</summary>
internal sealed record InjectedFault(string Kind, string Target, long From, long To, string Note, string Wrong);

/// <summary>What a fault works with.</summary>
internal sealed class FaultContext
{
    private readonly string _kind;
    private readonly List<InjectedFault> _injected;

    public FaultContext(
        FaultKind kind,
        int seed,
        Cluster cluster,
        Load load,
        Prober prober,
        Recorder recorder,
        TimeSpan lengthMax,
        IReadOnlyList<FaultKind> others,
        List<InjectedFault> injected,
        CancellationToken cancellationToken)
    {
        _kind = kind.Name;
        (Cluster, Load, Prober, Recorder, LengthMax, Others, _injected) = (
            cluster, load, prober, recorder, lengthMax, others, injected);
        Cancellation = cancellationToken;
        Seed = seed;
        Random = new Random(seed);
    }

    public Cluster Cluster { get; }

    public Network Network => Cluster.Network;

    public Postgres Postgres => Cluster.Postgres;

    public Load Load { get; }

    public Prober Prober { get; }

    public Recorder Recorder { get; }

    /// <summary>Whether no other fault is under way.</summary>
    public bool IsAlone { get; private init; } = true;

    public Random Random { get; }

    public int Seed { get; }

    /// <summary>How long a fault of this run may last.</summary>
    public TimeSpan LengthMax { get; }

    /// <summary>The kinds that a fault of several may choose from.</summary>
    public IReadOnlyList<FaultKind> Others { get; }

    public CancellationToken Cancellation { get; }

    /// <summary>A context of the same run for a part of a fault.</summary>
    public FaultContext For(FaultKind kind, int seed) => new(
        kind, seed, Cluster, Load, Prober, Recorder, LengthMax, Others, _injected, Cancellation)
    {
        IsAlone = false,
    };

    /// <summary>Injects: begins, waits, heals, and notes when. It is healed also when the run is broken off.</summary>
    public async Task InjectAsync(string target, Func<Task> begin, TimeSpan length, Func<Task> heal, string note = "")
    {
        length = length > LengthMax ? LengthMax : length;
        var from = Recorder.Now;
        try
        {
            await begin();
            await Task.Delay(length, Cancellation);
        }
        finally
        {
            await heal();
            Note(target, from, note);
        }
    }

    public Task InjectAsync(string target, Action begin, TimeSpan length, Action heal, string note = "") => InjectAsync(
        target,
        () =>
        {
            begin();
            return Task.CompletedTask;
        },
        length,
        () =>
        {
            heal();
            return Task.CompletedTask;
        },
        note);

    /// <summary>Notes a fault that ends now.</summary>
    /// <param name="target">What was struck.</param>
    /// <param name="from">When it began.</param>
    /// <param name="note">For people.</param>
    /// <param name="wrong">What was seen that must not be: the checker makes a finding of it.</param>
    public void Note(string target, long from, string note = "", string wrong = "")
    {
        lock (_injected)
        {
            _injected.Add(new InjectedFault(_kind, target, from, Recorder.Now, note, wrong));
        }
    }

    public TimeSpan Between(double least, double most) =>
        TimeSpan.FromSeconds(least + ((most - least) * Random.NextDouble()));

    /// <summary>A node that runs: the oldest as often as the youngest and as any.</summary>
    public Node PickNode()
    {
        var running = Cluster.ByAge();
        var dice = Random.Next(3);
        var any = Random.Next(Cluster.Nodes.Length);
        return running.Count == 0 ? Cluster.Nodes[any] : dice switch
        {
            0 => running[0],
            1 => running[^1],
            _ => running[any % running.Count],
        };
    }

    /// <summary>The numbers of all nodes but one.</summary>
    public IEnumerable<int> OthersThan(int node) =>
        Enumerable.Range(0, Network.Addresses.Length).Where(other => other != node);
}
