namespace Ledger.Cli.Import;

/// <summary>Runs transactions many at once, but for those that share an account: these one after the other, as in the
/// file, since what a limit allows depends on what came before.</summary>
/// <param name="inFlightMax">How many run at once.</param>
internal sealed class AccountOrder(int inFlightMax)
{
    private readonly Dictionary<string, Task> lastOf = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim places = new(inFlightMax);
    private readonly List<Task> all = [];

    /// <summary>Runs something once all is answered that was added before it and shares an account with it.</summary>
    /// <param name="accounts">The accounts that it concerns.</param>
    /// <param name="run">What is run; it throws nothing.</param>
    /// <param name="stop">When it is cancelled, nothing more is begun.</param>
    public void Add(IReadOnlyCollection<string> accounts, Func<Task> run, CancellationToken stop)
    {
        var before = accounts.Select(account => lastOf.GetValueOrDefault(account)).OfType<Task>().Distinct().ToArray();
        var task = RunAsync(before, run, stop);
        foreach (var account in accounts)
        {
            lastOf[account] = task;
        }

        all.Add(task);
    }

    /// <summary>Ends when everything is answered, or was not begun.</summary>
    public Task WhenAllAsync() => Task.WhenAll(all);

    private async Task RunAsync(Task[] before, Func<Task> run, CancellationToken stop)
    {
        // Yields, or a long row of transactions of one account that is stopped would end on one stack.
        await Task.WhenAll(before).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

        // A place is taken only by what can be sent, so that a busy account does not hold up the others.
        await places.WaitAsync(CancellationToken.None);
        try
        {
            if (!stop.IsCancellationRequested)
            {
                await run();
            }
        }
        finally
        {
            places.Release();
        }
    }
}
