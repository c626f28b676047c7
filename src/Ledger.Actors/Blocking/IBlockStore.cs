namespace Ledger.Actors.Storage;

/// <summary>The table of blocks. It is no part of the journal, and follows from nothing: it is backed up with
/// it.</summary>
internal interface IBlockStore : IAsyncDisposable
{
    /// <summary>Reads all that are in force at a time.</summary>
    Task<IReadOnlyList<CallerBlock>> ReadAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Stores one, in place of an earlier one of the same subject, and takes out what is over.</summary>
    /// <param name="block">The block.</param>
    /// <param name="now">What ends before is over.</param>
    /// <param name="most">How many there may be of those that were made in the same way: by operators, or by the ledger
    /// itself.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Whether it was stored; else there are as many.</returns>
    Task<bool> PutAsync(CallerBlock block, DateTimeOffset now, int most, CancellationToken cancellationToken);

    /// <summary>Takes one out.</summary>
    /// <returns>Whether there was one.</returns>
    Task<bool> RemoveAsync(CallerBlockKind kind, string subject, CancellationToken cancellationToken);
}
