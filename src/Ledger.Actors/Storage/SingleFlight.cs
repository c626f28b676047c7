namespace Ledger.Actors.Storage;

/// <summary>Runs something one at a time, once for all who ask meanwhile: a run that begins after a call does for it,
/// whoever asked for that run.</summary>
internal sealed class SingleFlight
{
    private readonly SemaphoreSlim gate = new(1);
    private long started;
    private long completed;

    /// <summary>Runs it, or waits for a run that began after this call and succeeded.</summary>
    public async Task RunAsync(Func<Task> run, CancellationToken cancellationToken)
    {
        var wanted = Volatile.Read(ref started) + 1;
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (completed >= wanted)
            {
                return;
            }

            var mine = Interlocked.Increment(ref started);
            await run().ConfigureAwait(false);
            completed = mine;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Does something else while no run is under way.</summary>
    public async Task<T> RunExclusiveAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await action().ConfigureAwait(false);
        }
        finally
        {
            gate.Release();
        }
    }
}
