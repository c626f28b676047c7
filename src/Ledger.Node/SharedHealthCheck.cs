using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node;

/// <summary>A check whose result is good for a moment: however many ask, over HTTP or gRPC, it runs once in that time.
/// Whoever asks for health shows nothing of who he is, and a check costs a question to the database.
/// Thread-safe.</summary>
/// <param name="check">The check.</param>
/// <param name="clock">By which a result ages.</param>
/// <param name="stopping">From then on each is asked anew: a node that stops says so at once.</param>
internal sealed class SharedHealthCheck(IHealthCheck check, TimeProvider clock, CancellationToken stopping)
    : IHealthCheck
{
    /// <summary>For how long a result is good.</summary>
    public static readonly TimeSpan GoodFor = TimeSpan.FromMilliseconds(500);

    // One that has not ended by then is left alone: what it waits for may be well again.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private Task<HealthCheckResult>? running;
    private long begunAt;
    private long endedAt;

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (stopping.IsCancellationRequested)
        {
            return check.CheckHealthAsync(context, cancellationToken);
        }

        lock (gate)
        {
            if (running is null || (running.IsCompleted && clock.GetElapsedTime(Volatile.Read(ref endedAt)) >= GoodFor)
                || clock.GetElapsedTime(begunAt) >= s_patience)
            {
                begunAt = clock.GetTimestamp();
                // Not ended by whoever asked first: others wait for it.
                running = Task.Run(() => RunAsync(context), CancellationToken.None);
            }

            return running.WaitAsync(cancellationToken);
        }
    }

    private async Task<HealthCheckResult> RunAsync(HealthCheckContext context)
    {
        try
        {
            return await check.CheckHealthAsync(context, CancellationToken.None);
        }
        finally
        {
            Volatile.Write(ref endedAt, clock.GetTimestamp());
        }
    }
}
