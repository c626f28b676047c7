using Ledger.Grpc;
using Ledger.Grpc.Edge;

namespace Ledger.Node.Edge;

/// <summary>Says from time to time what the edge has refused, in a line for each reason: a line for each request would
/// fill the disk of whoever is attacked.</summary>
internal sealed partial class RefusalSummary(
    CallMetrics metrics, LogDrops drops, TimeProvider time, ILogger<RefusalSummary> logger)
    : IHostedService, IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private ITimer? timer;
    private long told;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        timer = time.CreateTimer(static state => ((RefusalSummary)state!).Tell(), this, Every, Every);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync();
        Tell();
    }

    public async ValueTask DisposeAsync()
    {
        if (timer is not null)
        {
            await timer.DisposeAsync();
        }
    }

    private void Tell()
    {
        foreach (var (reason, count) in metrics.Recent.Take())
        {
            LogRefused(count, reason);
        }

        var dropped = drops.Count;
        if (dropped > told)
        {
            LogDropped(dropped - told);
            told = dropped;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Count} requests were refused with {Reason} since the last look, up to 10 s"
        + " ago; docs/operating/edge.md says what that means")]
    private partial void LogRefused(long count, string reason);

    [LoggerMessage(
        2, LogLevel.Warning, "{Count} records of the log were thrown away, since whoever reads the output did"
        + " not keep up")]
    private partial void LogDropped(long count);
}
