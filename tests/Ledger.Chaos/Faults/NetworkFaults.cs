using System.Diagnostics;
using System.Globalization;
using Ledger.Chaos.Proxy;

namespace Ledger.Chaos.Faults;

/// <summary>Faults of links, made by the proxy.</summary>
internal static class NetworkFaults
{
    public static Task PartitionAsync(FaultContext context)
    {
        var node = context.PickNode();
        var length = context.Between(2, 30);
        return context.InjectAsync(
            NodeFaults.Name(context, node),
            () => SetAround(context, node.Number, Behaviour.Stall),
            length,
            () => SetAround(context, node.Number, Behaviour.Pass),
            Seconds(length));
    }

    public static Task PartitionResetAsync(FaultContext context)
    {
        var node = context.PickNode();
        var links = context.OthersThan(node.Number)
            .SelectMany(other => context.Network.LinksBetween(node.Number, other)).ToList();
        var length = context.Between(2, 30);
        return context.InjectAsync(
            NodeFaults.Name(context, node),
            () => links.ForEach(static link =>
            {
                link.Admission = Admission.Refuse;
                link.Reset();
            }),
            length,
            () => links.ForEach(static link => link.Admission = Admission.Accept),
            Seconds(length));
    }

    public static Task OneWayAsync(FaultContext context)
    {
        var node = context.PickNode().Number;
        var deaf = context.Random.Next(2) == 0;
        var length = context.Between(2, 30);
        void Set(Behaviour behaviour)
        {
            foreach (var other in context.OthersThan(node))
            {
                (deaf ? context.Network.Between(other, node) : context.Network.Between(node, other))
                    .Behaviour = behaviour;
            }
        }

        return context.InjectAsync(
            Invariant($"node{node}"),
            () => Set(Behaviour.Stall),
            length,
            () => Set(Behaviour.Pass),
            (deaf ? "hears nothing, " : "is not heard, ") + Seconds(length));
    }

    public static Task BridgeAsync(FaultContext context)
    {
        var bridge = context.PickNode().Number;
        var others = context.OthersThan(bridge).ToArray();
        context.Random.Shuffle(others);
        var left = others[..(others.Length / 2)];
        var right = others[(others.Length / 2)..];
        var length = context.Between(2, 30);
        void Set(Behaviour behaviour)
        {
            foreach (var one in left)
            {
                foreach (var other in right)
                {
                    context.Network.SetBetween(one, other, behaviour);
                }
            }
        }

        return context.InjectAsync(
            Invariant($"node{bridge} between"),
            () => Set(Behaviour.Stall),
            length,
            () => Set(Behaviour.Pass),
            Seconds(length));
    }

    public static async Task FlappingAsync(FaultContext context)
    {
        var node = context.PickNode();
        var length = context.Between(6, 25);
        var until = Stopwatch.StartNew();
        await context.InjectAsync(
            NodeFaults.Name(context, node),
            async () =>
            {
                while (until.Elapsed < length && until.Elapsed < context.LengthMax)
                {
                    SetAround(context, node.Number, Behaviour.Stall);
                    await Task.Delay(1000, context.Cancellation);
                    SetAround(context, node.Number, Behaviour.Pass);
                    await Task.Delay(1000, context.Cancellation);
                }
            },
            TimeSpan.Zero,
            () =>
            {
                SetAround(context, node.Number, Behaviour.Pass);
                return Task.CompletedTask;
            },
            Seconds(length));
    }

    public static Task IsolateAsync(FaultContext context)
    {
        var node = context.PickNode();
        var length = context.Between(2, 30);
        void Set(Behaviour behaviour)
        {
            SetAround(context, node.Number, behaviour);
            context.Network.ToDatabase[node.Number].Set(behaviour);
            context.Network.FromClients[node.Number].Set(behaviour);
        }

        return context.InjectAsync(
            NodeFaults.Name(context, node), () =>
                Set(Behaviour.Stall), length, () => Set(Behaviour.Pass), Seconds(length));
    }

    public static Task CutDatabaseAsync(FaultContext context)
    {
        var node = context.PickNode();
        var link = context.Network.ToDatabase[node.Number];
        var silent = context.Random.Next(2) == 0;
        var length = context.Between(2, 25);
        return context.InjectAsync(
            NodeFaults.Name(context, node),
            () =>
            {
                if (silent)
                {
                    link.Set(Behaviour.Stall);
                }
                else
                {
                    link.Admission = Admission.Refuse;
                    link.Reset();
                }
            },
            length,
            link.Heal,
            (silent ? "silently, " : "reset, ") + Seconds(length));
    }

    public static Task SlowClusterAsync(FaultContext context)
    {
        var delay = TimeSpan.FromMilliseconds(context.Random.Next(20, 200));
        var slow = new Behaviour { Delay = delay, Jitter = delay };
        return EverywhereAsync(
            context, slow, context.Between(5, 20),
            Invariant($"{delay.TotalMilliseconds} to {delay.TotalMilliseconds * 2} ms"));
    }

    public static Task LossyClusterAsync(FaultContext context)
    {
        var chance = 0.01 + (0.1 * context.Random.NextDouble());
        var lossy = new Behaviour { LossChance = chance, ResetChance = chance / 20 };
        return EverywhereAsync(context, lossy, context.Between(5, 20), Invariant($"{chance:0.00} of the segments"));
    }

    public static Task HalfOpenClusterAsync(FaultContext context)
    {
        var node = context.PickNode();
        var links = context.OthersThan(node.Number)
            .SelectMany(other => context.Network.LinksBetween(node.Number, other)).ToList();
        return context.InjectAsync(
            NodeFaults.Name(context, node),
            () => links.ForEach(static link => link.Orphan()),
            context.Between(5, 20),
            () => links.ForEach(static link => link.ResetOrphans()));
    }

    public static Task SlowClientsAsync(FaultContext context)
    {
        var delay = TimeSpan.FromMilliseconds(context.Random.Next(20, 400));
        var slow = new Behaviour { Delay = delay, Jitter = delay, BytesPerSecond = 100_000 };
        return LinkAsync(
            context, "clients", context.Network.FromClients, slow, Invariant($"{delay.TotalMilliseconds} ms"));
    }

    public static Task LossyClientsAsync(FaultContext context)
    {
        var chance = 0.01 + (0.1 * context.Random.NextDouble());
        var lossy = new Behaviour { LossChance = chance, ResetChance = chance / 10 };
        return LinkAsync(
            context, "clients", context.Network.FromClients, lossy, Invariant($"{chance:0.00} of the segments"));
    }

    public static Task HalfOpenClientsAsync(FaultContext context) =>
        OrphansAsync(context, "clients", context.Network.FromClients);

    public static async Task ResetClientsAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var count = 0;
        for (var i = context.Random.Next(1, 6); i > 0; i--)
        {
            var link = context.Network.FromClients[context.Random.Next(context.Network.Seeds)];
            count += link.Reset();
            await Task.Delay(context.Between(0.1, 1), context.Cancellation);
        }

        context.Note("clients", from, Invariant($"{count} connections"));
    }

    public static Task SlowDatabaseAsync(FaultContext context)
    {
        var delay = TimeSpan.FromMilliseconds(context.Random.Next(25, 250));
        var slow = new Behaviour { Delay = delay, Jitter = delay / 4 };
        return LinkAsync(
            context, "database", context.Network.ToDatabase, slow, Invariant($"{delay.TotalMilliseconds} ms each way"));
    }

    public static Task LossyDatabaseAsync(FaultContext context)
    {
        var chance = 0.01 + (0.05 * context.Random.NextDouble());
        var lossy = new Behaviour { LossChance = chance, ResetChance = chance / 5 };
        return LinkAsync(
            context, "database", context.Network.ToDatabase, lossy, Invariant($"{chance:0.00} of the segments"));
    }

    public static Task HalfOpenDatabaseAsync(FaultContext context) =>
        OrphansAsync(context, "database", context.Network.ToDatabase);

    private static Task OrphansAsync(FaultContext context, string what, Link[] links)
    {
        var link = links[context.Random.Next(links.Length)];
        return context.InjectAsync(
            link.Name, () => link.Orphan(), context.Between(5, 20), link.ResetOrphans, what);
    }

    private static Task LinkAsync(FaultContext context, string what, Link[] links, Behaviour behaviour, string note)
    {
        // One of them, or all.
        var place = context.Random.Next(links.Length + 1);
        var chosen = place == links.Length ? links : [links[place]];
        return context.InjectAsync(
            chosen.Length > 1 ? what : chosen[0].Name,
            () => Array.ForEach(chosen, link => link.Set(behaviour)),
            context.Between(5, 20),
            () => Array.ForEach(chosen, static link => link.Set(Behaviour.Pass)),
            note);
    }

    private static Task EverywhereAsync(FaultContext context, Behaviour behaviour, TimeSpan length, string note)
    {
        void Set(Behaviour value)
        {
            for (var node = 0; node < context.Network.Seeds; node++)
            {
                SetAround(context, node, value);
            }
        }

        return context.InjectAsync("cluster", () => Set(behaviour), length, () => Set(Behaviour.Pass), note);
    }

    private static void SetAround(FaultContext context, int node, Behaviour behaviour)
    {
        foreach (var other in context.OthersThan(node))
        {
            context.Network.SetBetween(node, other, behaviour);
        }
    }

    private static string Seconds(TimeSpan length) => Invariant($"{length.TotalSeconds:0.0} s");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
