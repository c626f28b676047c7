using Ledger.Benchmarks.Workloads;
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

    /// <summary>Opens the accounts of a workload and gives them what they have at the beginning, unless that was
    /// done.</summary>
    public abstract Task OpenAsync(PairWorkload workload, CancellationToken cancellationToken);

    /// <summary>Posts transfers, returns when that is durable, and tells the load how many were recorded and how many
    /// rejected.</summary>
    /// <param name="transfers">As many as <see cref="BatchSize"/>.</param>
    /// <param name="load">The load.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public abstract Task PostAsync(
        IReadOnlyList<V1.Transfer> transfers, Load load, CancellationToken cancellationToken);

    /// <summary>Adds the books up.</summary>
    /// <returns>The number of entries.</returns>
    /// <exception cref="BooksException">Debits are not credits, or an account is not the sum of its
    /// entries.</exception>
    public abstract Task<long> CheckBooksAsync(PairWorkload workload, CancellationToken cancellationToken);

    /// <summary>The processor time so far, that of the database among it.</summary>
    public abstract TimeSpan Processor();

    public abstract ValueTask DisposeAsync();

    /// <summary>Callers for a time, each of which sends the next when the last is answered.</summary>
    public Task<Load> RunAsync(
        PairWorkload workload, int inFlight, TimeSpan length, CancellationToken cancellationToken) =>
        Load.ClosedAsync(
            () =>
                workload.Next(BatchSize), (call, load) =>
                    PostAsync(((PostCall)call).Transfers, load, cancellationToken), inFlight,
            length, cancellationToken);
}
