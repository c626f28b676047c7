using Ledger.V1;

namespace Ledger.Benchmarks.Peers;

/// <summary>A ledger that can be compared with others: all are asked the same by the same loops.</summary>
internal abstract class Target : IAsyncDisposable
{
    public abstract string Name { get; }

    /// <summary>How many calls at once are worth a try.</summary>
    public abstract IReadOnlyList<int> InFlight { get; }

    /// <summary>How many transfers a call holds; 1 for those that take one.</summary>
    public virtual int BatchSize => 1;

    /// <summary>Opens the accounts of a workload and gives them what they have at the beginning, unless that was done.</summary>
    public abstract Task OpenAsync(Workload workload, CancellationToken cancellationToken);

    /// <summary>Posts transfers, and returns when that is durable.</summary>
    /// <param name="transfers">As many as <see cref="BatchSize"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many were posted; the others were rejected for want of money.</returns>
    public abstract Task<int> PostAsync(IReadOnlyList<Transfer> transfers, CancellationToken cancellationToken);

    /// <summary>Adds the books up.</summary>
    /// <returns>The number of entries.</returns>
    /// <exception cref="BooksException">Debits are not credits, or an account is not the sum of its entries.</exception>
    public abstract Task<long> CheckBooksAsync(Workload workload, CancellationToken cancellationToken);

    /// <summary>The processor time so far, that of the database among it.</summary>
    public abstract TimeSpan Processor();

    public abstract ValueTask DisposeAsync();

    /// <summary>Closed loops for a time: each sends the next when the last is answered.</summary>
    public async Task<Load> RunAsync(Workload workload, int inFlight, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(LoopAsync, cancellationToken)));
        load.Stop();
        return load;

        async Task LoopAsync()
        {
            var transfers = new Transfer[BatchSize];
            while (load.Elapsed < length)
            {
                for (var i = 0; i < transfers.Length; i++)
                {
                    transfers[i] = workload.Next();
                }

                var start = System.Diagnostics.Stopwatch.GetTimestamp();
                var posted = await PostAsync(transfers, cancellationToken);
                load.Took(start, posted);
                for (var i = posted; i < transfers.Length; i++)
                {
                    load.Failed("rejected");
                }
            }
        }
    }
}
