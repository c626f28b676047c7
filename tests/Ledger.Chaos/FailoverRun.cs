using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Checking;
using Ledger.Chaos.Processes;
using Ledger.Chaos.Reports;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos;

/// <summary>Kills one node after the other under a light load, and measures for how long its accounts could not be
/// written. The node comes back only after the others have taken over, and the next one dies only when it has accounts
/// again.</summary>
internal sealed class FailoverRun(ChaosOptions options, TextWriter output)
{
    private static readonly TimeSpan ProbePause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    // What was answered before the kill may arrive a little after it.
    private static readonly TimeSpan OnTheWay = TimeSpan.FromMilliseconds(200);

    private sealed record Kill(
        string Target, int Node, int Lost, List<double> Seconds, int ElsewhereFailures, int ElsewhereBroken,
        int ElsewhereCalls)
    {
        public double Longest => Seconds.Count == 0 ? 0 : Seconds.Max();
    }

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var session = await Session.StartAsync(options, ProbePause, output, cancellationToken);
        var random = new Random(unchecked((int)options.Seed));
        var kills = new List<Kill>();
        for (var i = 0; i < options.Kills; i++)
        {
            await SettleAsync(session, cancellationToken);
            var kill = await KillAsync(session, random, cancellationToken);
            kills.Add(kill);
            session.Log(string.Create(
                CultureInfo.InvariantCulture,
                $"kill {i + 1}: node {kill.Node} ({kill.Target}), {kill.Lost} of {options.Shards} shards; writable "
                    + $"again after {kill.Longest:0.00} s (the first after "
                    + $"{(kill.Seconds.Count == 0 ? 0 : kill.Seconds.Min()):0.00} s); elsewhere "
                    + $"{kill.ElsewhereFailures} of {kill.ElsewhereCalls} calls failed, and {kill.ElsewhereBroken} "
                    + $"broke off with the dead node"));
        }

        var exit = await session.ConcludeAsync(cancellationToken);
        Tell(kills);
        return exit;
    }

    // Until every node has shards, so that there is something to lose.
    private async Task SettleAsync(Session session, CancellationToken cancellationToken)
    {
        await session.Cluster.WaitReadyAsync(session.Cluster.Nodes, Patience, cancellationToken);
        var waiting = Stopwatch.StartNew();
        var least = Math.Max(1, options.Shards / (options.Nodes * 2));
        while (waiting.Elapsed < Patience)
        {
            var placement = session.Books.Placement(session.Cluster.Network.Placement);
            if (Enumerable.Range(0, options.Nodes).All(node => placement.Count(at => at == node) >= least))
            {
                return;
            }

            await Task.Delay(200, cancellationToken);
        }

        session.Log($"the shards are not spread within {Patience.TotalSeconds} s; going on");
    }

    private async Task<Kill> KillAsync(Session session, Random random, CancellationToken cancellationToken)
    {
        var ages = session.Cluster.ByAge();
        var target = options.Target != "random" ? options.Target : random.Next(3) switch
        {
            0 => "oldest",
            1 => "youngest",
            _ => "any",
        };
        var node = target switch
        {
            "oldest" => ages[0],
            "youngest" => ages[^1],
            _ => ages[random.Next(ages.Count)],
        };
        var placement = session.Books.Placement(session.Cluster.Network.Placement);
        var lost = Enumerable.Range(0, options.Shards).Where(shard => placement[shard] == node.Number).ToHashSet();
        var from = session.Recorder.Now;
        await node.KillAsync();
        await session.Prober.AllWritableSinceAsync(session.Recorder.Now, Patience, cancellationToken);

        var until = session.Recorder.Now;
        var window = session.Recorder.Points().Where(point => point.Complete >= from).ToList();
        var seconds = lost.Select(shard => Writable(window, shard, from)).OfType<double>().ToList();

        // Clients that keep to the dead node have nothing to do with where accounts are.
        var elsewhere = window.Where(point => point.Node != node.Number
            && point.Shards.Length > 0 && !Array.Exists(point.Shards, lost.Contains)).ToList();
        Record(session, target, node, from, until, placement);
        node.Start();
        return new Kill(
            target, node.Number, lost.Count, seconds,
            elsewhere.Count(static point => point is { Failed: true, OnTheWay: false }),
            elsewhere.Count(static point => point is { Failed: true, OnTheWay: true }),
            elsewhere.Count);
    }

    private static double? Writable(List<CallPoint> window, int shard, long from)
    {
        var first = window.Where(point => point.IsProbe && point.Shards[0] == shard && point.Outcome == CallOutcome.Ok
                && (point.Invoke >= from || point.Complete >= from + (long)OnTheWay.TotalNanoseconds))
            .Select(static point => (long?)point.Complete).Min();
        return first is { } moment ? (moment - from) / 1e9 : null;
    }

    private static void Record(Session session, string target, Node node, long from, long until, int[] placement)
    {
        var record = new FaultRecord
        {
            Number = session.Faults.Count,
            Kind = "kill",
            Target = string.Create(CultureInfo.InvariantCulture, $"node{node.Number} ({target})"),
            From = from,
            To = until,
            Recovered = until,
        };
        session.Faults.Add(new FaultWindow(record, placement));
        session.Recorder.Write(record);
    }

    private void Tell(List<Kill> kills)
    {
        output.WriteLine();
        output.WriteLine(
            "Seconds until the accounts of a killed node were writable again, by kill (its slowest shard) and by "
                + "shard:");
        output.WriteLine(
            "| target | kills | median | p95 | p99 | max | shards | median | p95 | p99 | max | failed elsewhere | "
                + "broken off |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var group in kills.GroupBy(static kill => kill.Target).Append(new AllKills(kills))
            .OrderBy(static group => group.Key, StringComparer.Ordinal))
        {
            var longest = group.Where(static kill => kill.Seconds.Count > 0).Select(static kill => kill.Longest).Order()
                .ToList();
            var all = group.SelectMany(static kill => kill.Seconds).Order().ToList();
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {group.Key} | {longest.Count} | {Figures(longest)} | {all.Count} | {Figures(all)} | "
                    + $"{group.Sum(static kill => kill.ElsewhereFailures)} of "
                    + $"{group.Sum(static kill => kill.ElsewhereCalls)} | "
                    + $"{group.Sum(static kill => kill.ElsewhereBroken)} |"));
        }
    }

    private static string Figures(List<double> sorted)
    {
        double At(double part) => sorted.Count == 0
            ? 0
            : sorted[(int)Math.Clamp(Math.Ceiling(part * sorted.Count) - 1, 0, sorted.Count - 1)];
        return string.Create(
            CultureInfo.InvariantCulture, $"{At(0.5):0.00} | {At(0.95):0.00} | {At(0.99):0.00} | {At(1):0.00}");
    }

    private sealed class AllKills(List<Kill> kills) : List<Kill>(kills), IGrouping<string, Kill>
    {
        public string Key => "together";
    }
}
