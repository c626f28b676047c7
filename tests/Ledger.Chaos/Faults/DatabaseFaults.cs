using System.Globalization;
using Ledger.Chaos.Processes;

namespace Ledger.Chaos.Faults;

/// <summary>Faults of the database server.</summary>
internal static class DatabaseFaults
{
    private const string Target = "database";

    public static async Task KillBackendAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var backends = await context.Postgres.BackendsAsync(context.Cancellation);
        if (backends.Count > 0)
        {
            Signals.Send(backends[context.Random.Next(backends.Count)], Signals.Kill);
        }

        context.Note(Target, from, FormattableString.Invariant($"one of {backends.Count}"));
    }

    public static async Task TerminateAsync(FaultContext context)
    {
        var from = context.Recorder.Now;
        var backends = await context.Postgres.BackendsAsync(context.Cancellation);
        await context.Postgres.TerminateAsync(backends, context.Cancellation);
        context.Note(Target, from, FormattableString.Invariant($"{backends.Count} connections"));
    }

    public static Task PauseAsync(FaultContext context) => context.InjectAsync(
        Target,
        () => context.Postgres.SignalAll(Signals.Stop),
        context.Between(1, 20),
        () => context.Postgres.SignalAll(Signals.Continue));

    public static Task RestartAsync(FaultContext context)
    {
        var immediate = context.Random.Next(2) == 0;
        return context.InjectAsync(
            Target,
            () => StopAsync(context, immediate),
            TimeSpan.Zero,
            () => StartAsync(context),
            immediate ? "immediate" : "fast");
    }

    public static Task KillAsync(FaultContext context) => context.InjectAsync(
        Target, () => KillServerAsync(context), TimeSpan.Zero, () => StartAsync(context));

    public static Task DownAsync(FaultContext context)
    {
        double[] lengths = [5, 15, 60];
        var length = TimeSpan.FromSeconds(lengths[context.Random.Next(lengths.Length)]);
        var kill = context.Random.Next(2) == 0;
        return context.InjectAsync(
            Target,
            () => kill ? KillServerAsync(context) : StopAsync(context, immediate: false),
            length,
            () => StartAsync(context),
            length.TotalSeconds.ToString("0 s", CultureInfo.InvariantCulture));
    }

    /// <summary>Commits wait for a standby; then the primary is killed, and the standby takes its place. What was
    /// acknowledged is there; what was not may be lost, also where the former primary had it.</summary>
    public static async Task FailOverAsync(FaultContext context)
    {
        await context.Postgres.AddStandbyAsync(context.Cancellation);
        await Task.Delay(context.Between(1, 4), context.Cancellation);
        var length = context.Between(0.2, 5);
        if (context.Random.Next(2) == 0)
        {
            // Nothing is acknowledged any more, calls time out, and commits that are broken off are in the primary
            // alone.
            var from = context.Recorder.Now;
            context.Postgres.SignalStandby(Signals.Stop);
            await Task.Delay(context.Between(1, 8), context.Cancellation);
            context.Note("standby", from, "stopped");
        }

        await context.InjectAsync(
            Target,
            () => KillServerAsync(context),
            length,
            async () =>
            {
                context.Postgres.SignalStandby(Signals.Continue);
                await context.Postgres.FailOverAsync();
                context.Network.DatabaseMoved(context.Postgres.EndPoint);
                context.Network.DatabaseListens();
            });
        await context.Postgres.RemoveFormerAsync();
    }

    /// <summary>The server is killed, and a copy takes its place that lacks the last commits, as an asynchronous
    /// replica does. Whatever was acknowledged there would be missing afterwards: the server itself is put back, and
    /// the nodes are started anew, as an operator is told to.</summary>
    public static async Task BehindAsync(FaultContext context)
    {
        var server = context.Postgres.EndPoint;
        try
        {
            await context.Postgres.CopyAsync(context.Cancellation);
            await Task.Delay(context.Between(1, 4), context.Cancellation);
            await context.InjectAsync(
                Target,
                async () =>
                {
                    await KillServerAsync(context);
                    await context.Postgres.ExchangeAsync();
                    context.Network.DatabaseMoved(context.Postgres.EndPoint);
                    context.Network.DatabaseListens();
                },
                context.Between(3, 10),
                async () =>
                {
                    await Task.WhenAll(context.Cluster.ByAge().Select(static node => node.KillAsync()));
                    if (!Equals(context.Postgres.EndPoint, server))
                    {
                        await KillServerAsync(context);
                        await context.Postgres.ExchangeAsync();
                        context.Network.DatabaseMoved(context.Postgres.EndPoint);
                        context.Network.DatabaseListens();
                    }
                });
        }
        finally
        {
            await context.Postgres.RemoveCopyAsync(server);
            if (context.Postgres.IsRunning)
            {
                // A node may have noted there what it had found before the exchange.
                await context.Postgres.ExecuteAsync("DELETE FROM ledger_loss", CancellationToken.None);
            }

            Array.ForEach(context.Cluster.Nodes, static node => node.Start());
        }

        await context.Cluster.WaitReadyAsync(context.Cluster.Nodes, TimeSpan.FromSeconds(90), context.Cancellation);
    }

    public static Task DiskFullAsync(FaultContext context) => context.InjectAsync(
        Target,
        () => context.Postgres.FillAsync(context.Cancellation),
        context.Between(5, 20),
        () => context.Postgres.MakeRoomAsync(CancellationToken.None));

    private static async Task StopAsync(FaultContext context, bool immediate)
    {
        await context.Postgres.StopAsync(immediate, CancellationToken.None);
        context.Network.DatabaseGone();
    }

    private static async Task KillServerAsync(FaultContext context)
    {
        await context.Postgres.KillAsync(CancellationToken.None);
        context.Network.DatabaseGone();
    }

    private static async Task StartAsync(FaultContext context)
    {
        if (!context.Postgres.IsRunning)
        {
            await context.Postgres.StartAsync();
        }

        context.Network.DatabaseListens();
    }
}
