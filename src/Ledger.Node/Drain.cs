namespace Ledger.Node;

/// <summary>Keeps the node serving for a while after it has become not ready and before anything is closed.</summary>
internal sealed class Drain(ShutdownOptions options, IHostApplicationLifetime lifetime, TerminationWatcher watch)
    : IHostedLifecycleService
{
    /// <summary>Runs before any hosted service stops; readiness has gone by then.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // A node that never began to serve has nobody to wait for, and one that was thrown out of its cluster serves
        // nobody.
        if (lifetime.ApplicationStarted.IsCancellationRequested)
        {
            lifetime.StopApplication();
            if (watch.HasFailed)
            {
                return;
            }

            await Task.Delay(options.DrainDelay, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
