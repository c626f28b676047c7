using System.Data.Common;
using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>What the index needs of a database. Thread-safe.</summary>
internal interface IIndexStore : IAsyncDisposable
{
    /// <summary>Whether a page by a column must say that it is in that column's order for the column's index to be
    /// taken. Where a value is common, PostgreSQL would rather go by time and pass over all that have
    /// another.</summary>
    bool OrdersByLead { get; }

    /// <summary>Reads how far the index has got.</summary>
    Task<IndexState> ReadStateAsync(CancellationToken cancellationToken);

    /// <summary>Has a process fold from now on, where no other does or that one has not said so for a while.</summary>
    /// <param name="process">The process.</param>
    /// <param name="patience">For how long another one may say nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it is this one's.</returns>
    Task<bool> ClaimAsync(Guid process, TimeSpan patience, CancellationToken cancellationToken);

    /// <summary>Lets others fold.</summary>
    Task ReleaseAsync(Guid process, CancellationToken cancellationToken);

    /// <summary>Applies changes and moves the checkpoint, in one transaction.</summary>
    /// <returns>False when somebody else has folded, or emptied the index, since the state was read; nothing is applied
    /// then.</returns>
    Task<bool> ApplyAsync(IndexChanges changes, IndexState from, IndexState to, CancellationToken cancellationToken);

    /// <summary>Empties the index, so that it is made again from the journal's first row.</summary>
    Task EmptyAsync(CancellationToken cancellationToken);

    /// <summary>Finds transactions that are prepared and not decided.</summary>
    Task<IReadOnlyDictionary<PreparedKey, TransactionBranch>> FindPreparedAsync(
        IReadOnlyCollection<PreparedKey> attempts, CancellationToken cancellationToken);

    /// <summary>Finds holds.</summary>
    Task<IReadOnlyList<IndexedTransfer>> FindHoldsAsync(
        IReadOnlyCollection<TransferId> ids, CancellationToken cancellationToken);

    /// <summary>Finds accounts.</summary>
    Task<IReadOnlyList<IndexedAccount>> FindAccountsAsync(
        IReadOnlyCollection<AccountAddress> accounts, CancellationToken cancellationToken);

    /// <summary>Runs a query.</summary>
    Task<IReadOnlyList<T>> QueryAsync<T>(
        IndexStatement statement, Func<DbDataReader, T> read, CancellationToken cancellationToken);
}
