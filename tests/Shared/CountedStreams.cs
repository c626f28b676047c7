using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Tests.Shared;

/// <summary>Streams that count what is read of them.</summary>
/// <param name="inner">The streams.</param>
internal sealed class CountedStreams(IIndexedStreams inner) : IIndexedStreams
{
    /// <summary>How many rows were read.</summary>
    public long Rows { get; private set; }

    /// <summary>How many questions were asked, of rows and of the index.</summary>
    public long Questions { get; private set; }

    public async Task<IReadOnlyList<StreamRow>> ReadAsync(
        string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
        CancellationToken cancellationToken)
    {
        var rows = await inner.ReadAsync(
            persistenceId, fromSequenceNr, toSequenceNr, maxRows, descending, cancellationToken);
        Rows += rows.Count;
        Questions++;
        return rows;
    }

    public Task<IReadOnlyList<string>> ListStreamsAsync(
        string prefix, string? after, int limit, CancellationToken cancellationToken) =>
        inner.ListStreamsAsync(prefix, after, limit, cancellationToken);

    public Task<IndexedRows> FindIdsAsync(
        string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
        CancellationToken cancellationToken)
    {
        Questions++;
        return inner.FindIdsAsync(persistenceId, ids, upTo, newest, cancellationToken);
    }

    public Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
        inner.PlaceOfAsync(persistenceId, sequenceNr, cancellationToken);

    public Task AddIdsAsync(
        string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken) =>
        inner.AddIdsAsync(persistenceId, entries, cancellationToken);

    public Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken) =>
        inner.CompleteIdsAsync(persistenceId, upTo, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
