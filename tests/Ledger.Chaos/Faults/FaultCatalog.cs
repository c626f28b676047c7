using Ledger.Chaos.Processes;
using Ledger.Chaos.Proxy;

namespace Ledger.Chaos.Faults;

/// <summary>Every kind of fault that there is.</summary>
internal static class FaultCatalog
{
    public const string DiskFull = "disk-full";
    public const string Scale = "scale";

    public static readonly IReadOnlyList<FaultKind> All =
    [
        new("kill", "kill", Struck.Nodes,
            "SIGKILL of the oldest, the youngest or any node; back at once or after the others have taken over",
            NodeFaults.KillAsync),
        new("kill-two", "kill", Struck.Nodes, "SIGKILL of two nodes at once", NodeFaults.KillTwoAsync) { NodesMin = 2 },
        new("kill-all", "kill", Struck.Nodes, "SIGKILL of all nodes at once", NodeFaults.KillAllAsync),
        new("pause", "pause", Struck.Nodes, "SIGSTOP of a node for 0.5 to 60 seconds, then SIGCONT",
            NodeFaults.PauseAsync),
        new("pause-all", "pause", Struck.Nodes, "SIGSTOP of all nodes for 0.5 to 5 seconds", NodeFaults.PauseAllAsync),
        new("restart", "restart", Struck.Nodes, "a node is stopped as an operator does, and started again",
            NodeFaults.RestartAsync),
        new("restart-two", "restart", Struck.Nodes,
            "two nodes are stopped at once, as an operator should not do, and started again",
            NodeFaults.RestartTwoAsync) { NodesMin = 3 },
        new("rolling-restart", "restart", Struck.Nodes, "all nodes are restarted, one after the other",
            NodeFaults.RollingRestartAsync),
        new(Scale, "restart", Struck.Nodes,
            "two more nodes join, take a part of the work, and leave one after the other", NodeFaults.ScaleAsync),
        new("bad-config", "restart", Struck.Nodes,
            "a node is restarted with a setting that it must refuse, then with the right one",
            NodeFaults.BadConfigAsync),
        new("starve", "starve", Struck.Nodes, "a node gets a part of its processor time (SIGSTOP and SIGCONT in turn)",
            NodeFaults.StarveAsync),
        new("stutter", "starve", Struck.Nodes, "all nodes pause for 800 ms now and then, each on its own",
            NodeFaults.StutterAsync),
        new("busy", "starve", Struck.Nodes, "other processes take the processors", NodeFaults.BusyAsync),
        new("clock", "clock", Struck.Nodes,
            "a node is restarted with a clock that is 90 s or an hour ahead or behind (libfaketime)",
            NodeFaults.ClockAsync) { Missing = static _ => NodeFaults.MissingFaketime },
        new("partition", "partition", Struck.Network,
            "a node and the others can't reach each other; what was sent is held", NetworkFaults.PartitionAsync)
            {
                NodesMin = 2
            },
        new("partition-reset", "partition", Struck.Network, "the same with connections that are reset and refused",
            NetworkFaults.PartitionResetAsync) { NodesMin = 2, Missing = NeedsProxy },
        new("partition-one-way", "partition", Struck.Network,
            "a node can send to the others and hears nothing, or the other way round", NetworkFaults.OneWayAsync)
            {
                NodesMin = 2
            },
        new("partition-bridge", "partition", Struck.Network,
            "two nodes can't reach each other, and a third can reach both", NetworkFaults.BridgeAsync) { NodesMin = 3 },
        new("partition-flapping", "partition", Struck.Network, "a partition that comes and goes every second",
            NetworkFaults.FlappingAsync) { NodesMin = 2 },
        new("isolate", "partition", Struck.Network, "a node is cut off from nodes, clients and database",
            NetworkFaults.IsolateAsync) { NodesMin = 2 },
        new("cut-database", "partition", Struck.Network,
            "a node is cut off from the database alone, silently or with resets", NetworkFaults.CutDatabaseAsync),
        new("slow-cluster", "network", Struck.Network, "delay and jitter between the nodes",
            NetworkFaults.SlowClusterAsync) { NodesMin = 2, Missing = NeedsProxy },
        new("lossy-cluster", "network", Struck.Network, "segments between the nodes are lost: late ones, and resets",
            NetworkFaults.LossyClusterAsync) { NodesMin = 2, Missing = NeedsProxy },
        new("half-open-cluster", "network", Struck.Network,
            "connections between nodes go dead without a word; new ones work", NetworkFaults.HalfOpenClusterAsync)
            {
                NodesMin = 2, Missing = NeedsProxy
            },
        new("slow-clients", "network", Struck.Network, "delay, jitter and little bandwidth between clients and nodes",
            NetworkFaults.SlowClientsAsync),
        new("lossy-clients", "network", Struck.Network, "segments between clients and nodes are lost",
            NetworkFaults.LossyClientsAsync),
        new("half-open-clients", "network", Struck.Network, "connections of clients go dead without a word",
            NetworkFaults.HalfOpenClientsAsync),
        new("reset-clients", "network", Struck.Network, "connections of clients are reset",
            NetworkFaults.ResetClientsAsync),
        new("slow-database", "network", Struck.Network, "50 to 500 ms more to the database",
            NetworkFaults.SlowDatabaseAsync),
        new("lossy-database", "network", Struck.Network, "segments to and from the database are lost",
            NetworkFaults.LossyDatabaseAsync),
        new("half-open-database", "network", Struck.Network, "connections to the database go dead without a word",
            NetworkFaults.HalfOpenDatabaseAsync),
        new("commit-held", "commit", Struck.Commit,
            "between INSERT and COMMIT a node is stopped (SIGSTOP); the commit arrives later, then the node goes on",
            CommitFaults.HeldAsync),
        new("commit-lost", "commit", Struck.Commit, "the connection is cut before the commit is sent",
            CommitFaults.LostAsync),
        new("commit-answer-lost", "commit", Struck.Commit,
            "the connection is cut after the commit and before its answer", CommitFaults.AnswerLostAsync),
        new("database-backend-kill", "database", Struck.Database,
            "SIGKILL of one server process, which restarts them all", DatabaseFaults.KillBackendAsync),
        new("database-terminate", "database", Struck.Database,
            "all connections to the database are ended by the server", DatabaseFaults.TerminateAsync),
        new("database-pause", "database", Struck.Database, "SIGSTOP of the whole server for 1 to 20 seconds",
            DatabaseFaults.PauseAsync),
        new("database-restart", "database", Struck.Database, "the server is stopped, at once or in order, and started",
            DatabaseFaults.RestartAsync),
        new("database-kill", "database", Struck.Database, "SIGKILL of the whole server, and a start",
            DatabaseFaults.KillAsync),
        new("database-down", "database", Struck.Database, "the server is gone for up to a minute",
            DatabaseFaults.DownAsync),
        new("database-failover", "database", Struck.Database,
            "the server is killed, and a standby takes its place that every commit waited for",
            DatabaseFaults.FailOverAsync),
        new("database-behind", "database", Struck.Database,
            "the server is killed, and a copy takes its place that lacks the last commits; then the server itself is "
                + "back", DatabaseFaults.BehindAsync),
        new("unreadable-account", "database", Struck.Database,
            "a node is killed, and the rows of one or two of its accounts are damaged until they have been refused "
                + "for a while", DamageFaults.UnreadableAccountAsync),
        new("epoch", "database", Struck.Database,
            "an operator begins a new epoch, or several, on a ledger that is well", OperatorFaults.EpochAsync),
        new(DiskFull, "database", Struck.Database, "the database can't grow", DatabaseFaults.DiskFullAsync)
        {
            Missing = static cluster => cluster.Postgres.NoSpaceFault
        },
        new("disconnect", "client", Struck.Clients, "clients break their calls off", ClientFaults.DisconnectAsync),
        new("retry-storm", "client", Struck.Clients, "clients send again what was sent of late, many at once",
            ClientFaults.RetryStormAsync),
        new("poison", "client", Struck.Clients, "malformed and oversized calls", ClientFaults.PoisonAsync),
        new("oversized", "client", Struck.Clients, "transfers and transactions at and above the limits in bytes",
            ClientFaults.OversizedAsync),
        new("pair", "several", Struck.Several, "two faults at once", SeveralFaults.PairAsync),
        new("storm", "several", Struck.Several, "five faults on each other's heels", SeveralFaults.StormAsync),
        new("during-recovery", "several", Struck.Several, "a fault while the nodes recover from another",
            SeveralFaults.DuringRecoveryAsync),
    ];

    private static string? NeedsProxy(Cluster cluster) =>
        cluster.Network.Namespaces is null ? null : "nodes in namespaces have no proxy between them";

    /// <summary>Reads a list of kinds and groups.</summary>
    /// <exception cref="FormatException">One is not known.</exception>
    public static IReadOnlyList<FaultKind> Parse(string text)
    {
        var chosen = new List<FaultKind>();
        foreach (var name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (name is "none")
            {
                continue;
            }

            // A group's name wins over that of a kind in it: "kill" means all of its kinds, and "=kill" the one.
            var found = name is "all"
                ? All
                : name[0] == '='
                    ? [.. All.Where(kind => kind.Name == name[1..])]
                    : All.Where(kind => kind.Group == name).ToArray() is { Length: > 0 } group
                        ? group
                        : [.. All.Where(kind => kind.Name == name)];
            if (found.Count == 0)
            {
                throw new FormatException($"There is no fault '{name}'; see --list.");
            }

            chosen.AddRange(found.Where(kind => !chosen.Contains(kind)));
        }

        return chosen;
    }

    /// <summary>All kinds, for people.</summary>
    public static string Describe() => string.Join(
        Environment.NewLine,
        All.GroupBy(static kind => kind.Group).Select(static group => group.Key + Environment.NewLine
            + string.Join(Environment.NewLine, group.Select(static kind => $"  {kind.Name,-22} {kind.Description}"))));
}
