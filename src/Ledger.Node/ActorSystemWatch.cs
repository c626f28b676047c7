using Akka.Actor;

namespace Ledger.Node;

/// <summary>Stops the host when its actor system ends by itself, as when this node is downed: a supervisor is to start
/// it anew.</summary>
internal sealed partial class ActorSystemWatch(
    IServiceProvider services, IHostApplicationLifetime lifetime, ILogger<ActorSystemWatch> logger) : IHostedService
{
    /// <summary>Whether the actor system ended before the host was told to stop.</summary>
    public bool HasFailed { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = WatchAsync(services.GetRequiredService<ActorSystem>());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task WatchAsync(ActorSystem system)
    {
        await system.WhenTerminated;
        if (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            HasFailed = true;
            LogEnded();
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(1, LogLevel.Critical, "The actor system ended by itself; the node stops")]
    private partial void LogEnded();
}
