using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>Streams with an index of ids: of the rows that an id's own time does not lead to. It is written in the
/// transactions of the rows, and can be made again from them.</summary>
internal interface IIndexedStreams : IAccountStreams
{
    /// <summary>Finds the rows of one stream that are entered under any of some ids.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="ids">The ids.</param>
    /// <param name="upTo">The last row that matters. What is told is true of a moment at which that row was
    /// there.</param>
    /// <param name="newest">The newest entry up to that row, which must be there; none for none.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="InvalidOperationException">That row is not there, as on a server that lags behind.</exception>
    Task<IndexedRows> FindIdsAsync(
        string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
        CancellationToken cancellationToken);

    /// <summary>Reads where a row stands among the rows of all streams: one that was stored because another one was
    /// durable stands after it.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="sequenceNr">The row.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="InvalidOperationException">That row is not there.</exception>
    Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken);

    /// <summary>Adds entries that are missing. Durable when it returns.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="entries">The entries; those that are there already are left.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task AddIdsAsync(string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken);

    /// <summary>Says that a stream's entries are there from its first row on: the notes of what was missing are taken
    /// off.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="upTo">The last row whose entries have been added again; notes of later rows stay.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken);
}
