using Akka;
using Akka.Actor;

namespace Ledger.Node;

/// <summary>Stops the host when its actor system ends by itself, as when this node is downed or could not join: a
/// supervisor is to start it anew.</summary>
internal sealed partial class TerminationWatcher(
    IServiceProvider services, IHostApplicationLifetime lifetime, ILogger<TerminationWatcher> logger) : IHostedService
{
    /// <summary>Whether the actor system ended before the host was told to stop.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Why it ended, in a line for whoever looks at a node that is gone.</summary>
    public string Told { get; private set; } = Tell(null);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var system = services.GetRequiredService<ActorSystem>();

        // Others stop the host too when the system ends; what tells the cases apart is which of them came first.
        lifetime.ApplicationStopping.Register(() => HasFailed |= system.WhenTerminated.IsCompleted);
        _ = WatchAsync(system);

        // An end by itself begins here, and takes a while: no call need be served until it is over.
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "stop-host", () =>
        {
            Ends(shutdown.ShutdownReason);
            return Task.FromResult(Done.Instance);
        });
        if (shutdown.ShutdownReason is { } reason)
        {
            Ends(reason); // It has begun already, and looks at no further tasks.
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Ends(CoordinatedShutdown.Reason? reason)
    {
        if (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            HasFailed = true;
            Told = Tell(reason);
            LogEnds(reason?.GetType().Name ?? "no reason");
            lifetime.StopApplication();
        }
    }

    /// <summary>What to make of a reason.</summary>
    internal static string Tell(CoordinatedShutdown.Reason? reason) => reason switch
    {
        CoordinatedShutdown.ClusterDowningReason =>
            "the other nodes gave this node up, because it did not answer them in time or was left with a minority."
            + " Nothing is lost; start it again, as a supervisor does.",
        CoordinatedShutdown.ClusterJoinUnsuccessfulReason =>
            "this node did not become a member of the cluster within Ledger:Cluster:JoinTimeout; the log above says "
            + "whom it could not reach. Start it again, as a supervisor does.",
        _ =>
            "the node's actor system has ended by itself; the log above says why. Start it again, as a supervisor "
                + "does.",
    };

    private async Task WatchAsync(ActorSystem system)
    {
        await system.WhenTerminated;
        if (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            LogEnds("terminated");
        }

        lifetime.StopApplication();
    }

    [LoggerMessage(1, LogLevel.Critical, "The actor system ends by itself ({Reason}); the node stops")]
    private partial void LogEnds(string reason);
}
