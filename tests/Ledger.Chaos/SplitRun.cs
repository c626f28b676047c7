using System.Globalization;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos;

/// <summary>No faults: counts what each node does for the load, on its way to the database, to the other nodes and to
/// the clients, and in how many of the transfers it takes part.</summary>
/// <remarks>A node takes part in a transfer that it took from the client, or of which one of the accounts is its
/// own.</remarks>
internal sealed class SplitRun(ChaosOptions options, TextWriter output)
{
    private static readonly TimeSpan ProbePause = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly record struct Counted(
        long Rows, long Commits, long Wakes, double ProcessorSeconds, long ClientBytes, long DatabaseBytes,
        long OtherNodesBytes)
    {
        public Counted Less(Counted earlier) => new(
            Rows - earlier.Rows, Commits - earlier.Commits, Wakes - earlier.Wakes,
            ProcessorSeconds - earlier.ProcessorSeconds,
            ClientBytes - earlier.ClientBytes, DatabaseBytes - earlier.DatabaseBytes,
            OtherNodesBytes - earlier.OtherNodesBytes);
    }

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var session = await Session.StartAsync(options, ProbePause, output, cancellationToken);
        await session.Cluster.WaitReadyAsync(session.Cluster.Nodes, Patience, cancellationToken);
        await Task.Delay(WarmUp, cancellationToken);
        var placement = session.Books.Placement(session.Cluster.Network.Placement);
        var from = session.Recorder.Now;
        var before = Count(session.Cluster);
        await Task.Delay(options.Length, cancellationToken);
        var done = Count(session.Cluster).Zip(before, static (late, early) => late.Less(early)).ToArray();
        var until = session.Recorder.Now;
        var moved = session.Books.Placement(session.Cluster.Network.Placement).Zip(placement)
            .Count(static at => at.Item1 != at.Item2);

        var exit = await session.ConcludeAsync(cancellationToken);
        Tell(session, placement, moved, done, from, until);
        return exit;
    }

    private static Counted[] Count(Cluster cluster)
    {
        var network = cluster.Network;
        return [.. cluster.Nodes.Select(node => new Counted(
            network.Databases[node.Number].Rows,
            network.Databases[node.Number].Commits,
            network.Databases[node.Number].Wakes,
            node.ProcessorTime.TotalSeconds,
            network.FromClients[node.Number].Bytes,
            network.ToDatabase[node.Number].Bytes,
            cluster.Nodes.Where(other => other != node)
                .Sum(other => network.LinksBetween(node.Number, other.Number).Sum(static link => link.Bytes))))];
    }

    private void Tell(Session session, int[] placement, int moved, Counted[] done, long from, long until)
    {
        var transfers = session.Recorder.Points().Where(point => point.Invoke >= from && point.Complete <= until
            && point is { Shards.Length: > 1, Outcome: CallOutcome.Ok }).ToList();
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{transfers.Count} transfers in {(until - from) / 1e9:0} s; {moved} of {placement.Length} shards moved "
                + $"meanwhile. By node:"));
        output.WriteLine(
            "| node | shards | rows | commits | wake-ups | CPU s | to clients MB | to database MB | to nodes MB | "
                + "took calls | part in transfers |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        for (var node = 0; node < done.Length; node++)
        {
            var one = done[node];
            var took = transfers.Count(point => point.Node == node);
            var part = transfers.Count(point =>
                point.Node == node || Array.Exists(point.Shards, shard => placement[shard] == node));
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {node} | {placement.Count(at => at == node)} | {one.Rows} | {one.Commits} | {one.Wakes} | "
                    + $"{one.ProcessorSeconds:0.0} | {one.ClientBytes / 1e6:0.0} | {one.DatabaseBytes / 1e6:0.0} | "
                    + $"{one.OtherNodesBytes / 1e6:0.0} | {took} | {Percent(part, transfers.Count)} |"));
        }

        var rows = (double)done.Sum(static one => one.Rows);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"All rows {rows:0}, {rows / Math.Max(1, transfers.Count):0.00} a transfer (reads, holds and probes of "
                + $"one account are not counted as transfers); the node with most has "
                + $"{done.Max(static one => one.Rows) / Math.Max(1, rows):P1}."));
    }

    private static string Percent(int part, int all) =>
        string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / Math.Max(1, all):0.0}%");
}
