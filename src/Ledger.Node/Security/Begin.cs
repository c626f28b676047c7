namespace Ledger.Node.Security;

/// <summary>Does one thing when the host starts.</summary>
internal sealed class Begin(Action action) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        action();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
