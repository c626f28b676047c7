using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Processes;

namespace Ledger.Chaos.Faults;

/// <summary>Faults of the nodes' processes.</summary>
internal static class NodeFaults
{
    private static readonly double[] PauseLengths = [0.5, 2, 5, 12, 30, 60];

    private static readonly string[] FaketimeLibraries =
    [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/faketime/libfaketimeMT.so.1",
    ];

    public static string? MissingFaketime => Array.Exists(FaketimeLibraries, File.Exists)
        ? null
        : "libfaketime is not installed";

    public static Task KillAsync(FaultContext context) => KillAsync(context, 1);

    public static Task KillTwoAsync(FaultContext context) => KillAsync(context, 2);

    public static Task KillAllAsync(FaultContext context) => KillAsync(context, context.Cluster.Nodes.Length);

    public static Task PauseAsync(FaultContext context)
    {
        var node = context.PickNode();
        var length = PauseLengths[context.Random.Next(PauseLengths.Length)];
        return context.InjectAsync(
            Name(context, node), node.Pause, TimeSpan.FromSeconds(length), node.Resume, Invariant($"{length} s"));
    }

    public static Task PauseAllAsync(FaultContext context)
    {
        var length = context.Between(0.5, 5);
        return context.InjectAsync(
            "all",
            () => Array.ForEach(context.Cluster.Nodes, static node => node.Pause()),
            length,
            () => Array.ForEach(context.Cluster.Nodes, static node => node.Resume()),
            Invariant($"{length.TotalSeconds:0.0} s"));
    }

    public static Task RestartAsync(FaultContext context)
    {
        var node = context.PickNode();
        var length = context.Between(0, 8);
        return context.InjectAsync(
            Name(context, node), () => node.TerminateAsync(), length, () => StartAsync(node),
            Invariant($"stays down for {length.TotalSeconds:0.0} s"));
    }

    // Those that knew where shards are may all leave at once.
    public static async Task RestartTwoAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var nodes = context.Cluster.ByAge();
        nodes.RemoveAt(context.Random.Next(nodes.Count));
        await Task.WhenAll(nodes.Select(static node => node.TerminateAsync()));
        nodes.ForEach(static node => node.Start());
        await context.Cluster.WaitReadyAsync([.. nodes], TimeSpan.FromSeconds(90), context.Cancellation);
        context.Note(string.Join(' ', nodes.Select(static node => Invariant($"node{node.Number}"))), from, "");
    }

    public static async Task RollingRestartAsync(FaultContext context)
    {
        var from = context.Recorder.Now;

        // The youngest first, as an operator should: the coordinator of the shards then moves once, and not with every
        // node.
        var nodes = context.Cluster.ByAge();
        var oldestFirst = context.Random.Next(2) == 0;
        if (!oldestFirst)
        {
            nodes.Reverse();
        }

        foreach (var node in nodes)
        {
            await node.TerminateAsync();
            node.Start();
            await context.Cluster.WaitReadyAsync([node], TimeSpan.FromSeconds(90), context.Cancellation);
        }

        context.Note("all", from, oldestFirst ? "the oldest first" : "the youngest first");
    }

    public static async Task ScaleAsync(FaultContext context)
    {
        var spares = context.Cluster.Spares;
        var areReady = false;
        bool IsOfSpare(KeyValuePair<string, int> written) =>
            Array.Exists(spares, spare => spare.Number == written.Value);

        // Whoever has written last; of an earlier time they may be there still.
        var before = context.Network.Placement.Where(IsOfSpare).Select(static one => one.Key)
            .ToHashSet(StringComparer.Ordinal);
        await context.InjectAsync(
            string.Join(' ', spares.Select(static spare => Invariant($"node{spare.Number}"))),
            async () =>
            {
                Array.ForEach(spares, static spare => spare.Start());
                await context.Cluster.WaitReadyAsync(spares, TimeSpan.FromSeconds(90), context.Cancellation);
                areReady = true;
            },
            context.Between(10, 30),
            async () =>
            {
                if (areReady && !context.Network.Placement.Any(one => IsOfSpare(one) && !before.Contains(one.Key)))
                {
                    context.Cluster.Report(spares[0].Number, "and the others that had joined were given no accounts");
                }

                foreach (var spare in spares)
                {
                    await spare.TerminateAsync();
                }
            });
    }

    public static async Task BadConfigAsync(FaultContext context)
    {
        var node = context.PickNode();
        var target = Name(context, node);
        var from = context.Recorder.Now;
        await node.TerminateAsync();
        var refused = await node.RefusesAsync("--Ledger:ShardCount=0", context.Cancellation);
        node.Start();
        context.Note(target, from, wrong: refused ? "" : "the node did not refuse a shard count of 0");
    }

    public static async Task StarveAsync(FaultContext context)
    {
        var node = context.PickNode();
        var until = Stopwatch.StartNew();
        var length = context.Between(5, 20);
        var (run, pause) = (context.Random.Next(20, 80), context.Random.Next(40, 200));
        await context.InjectAsync(
            Name(context, node),
            async () =>
            {
                while (until.Elapsed < length && until.Elapsed < context.LengthMax)
                {
                    node.Pause();
                    await Task.Delay(pause, context.Cancellation);
                    node.Resume();
                    await Task.Delay(run, context.Cancellation);
                }
            },
            TimeSpan.Zero,
            () =>
            {
                node.Resume();
                return Task.CompletedTask;
            },
            Invariant($"runs {run} ms, pauses {pause} ms"));
    }

    public static async Task StutterAsync(FaultContext context)
    {
        var until = Stopwatch.StartNew();
        var length = context.Between(8, 25);
        var seeds = context.Cluster.Nodes.Select(_ => context.Random.Next()).ToArray();
        await context.InjectAsync(
            "all",
            () => Task.WhenAll(context.Cluster.Nodes.Select(async (node, i) =>
            {
                var random = new Random(seeds[i]);
                while (until.Elapsed < length && until.Elapsed < context.LengthMax)
                {
                    await Task.Delay(random.Next(500, 4000), context.Cancellation);
                    node.Pause();
                    await Task.Delay(800, context.Cancellation);
                    node.Resume();
                }
            })),
            TimeSpan.Zero,
            () =>
            {
                Array.ForEach(context.Cluster.Nodes, static node => node.Resume());
                return Task.CompletedTask;
            },
            "800 ms");
    }

    public static Task BusyAsync(FaultContext context)
    {
        var length = context.Between(5, 20);
        var busy = new List<Process>();
        return context.InjectAsync(
            "processors",
            () =>
            {
                // Each ends by itself too.
                for (var i = 0; i < Environment.ProcessorCount; i++)
                {
                    busy.Add(
                        Process.Start(
                            "/bin/sh",
                            ["-c", Invariant($"timeout {(int)length.TotalSeconds + 5} sh -c 'while :; do :; done'")]));
                }
            },
            length,
            () => busy.ForEach(static process =>
            {
                process.Kill(entireProcessTree: true);
                process.Dispose();
            }));
    }

    public static async Task ClockAsync(FaultContext context)
    {
        var node = context.PickNode();

        // No clock that runs at another speed: libfaketime then stretches the waits of sockets too, and the node can't
        // start.
        string[] skews = ["+1h", "-1h", "+90s", "-90s"];
        var skew = skews[context.Random.Next(skews.Length)];
        await context.InjectAsync(
            Name(context, node),
            async () =>
            {
                await node.TerminateAsync();
                node.Environment = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["LD_PRELOAD"] = FaketimeLibraries.First(File.Exists),
                    ["FAKETIME"] = skew,
                    ["DONT_FAKE_MONOTONIC"] = "1",
                    ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",

                    // Else waits with a deadline are converted as if they went by the skewed clock, and every read from
                    // the database times out: such a node never starts.
                    ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
                };
                node.Start();

                // It takes the ledger's time from the others, so its own clock is no matter (R21).
                await context.Cluster.WaitReadyAsync([node], TimeSpan.FromSeconds(20), context.Cancellation);
            },
            context.Between(5, 15),
            async () =>
            {
                await node.TerminateAsync();
                node.Environment = new Dictionary<string, string>(StringComparer.Ordinal);
                node.Start();
            },
            skew);
    }

    private static async Task KillAsync(FaultContext context, int count)
    {
        var first = context.PickNode();
        var victims = context.Cluster.ByAge().Where(node => node != first)
            .OrderBy(_ => context.Random.Next()).Take(count - 1).Prepend(first).ToList();

        // Back before the others have noticed, or after they have taken over.
        var length = context.Random.Next(3) == 0 ? context.Between(0, 1) : context.Between(8, 20);
        await context.InjectAsync(
            string.Join(' ', victims.Select(node => Name(context, node))),
            () => Task.WhenAll(victims.Select(static node => node.KillAsync())),
            length,
            () =>
            {
                victims.ForEach(static node => node.Start());
                return Task.CompletedTask;
            },
            Invariant($"stays down for {length.TotalSeconds:0.0} s"));
    }

    internal static string Name(FaultContext context, Node node)
    {
        var ages = context.Cluster.ByAge();
        var age = ages.Count > 0 && ages[0] == node
            ? " (oldest)"
            : ages.Count > 0 && ages[^1] == node ? " (youngest)" : "";
        return "node" + node.Number.ToString(CultureInfo.InvariantCulture) + age;
    }

    private static Task StartAsync(Node node)
    {
        node.Start();
        return Task.CompletedTask;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
