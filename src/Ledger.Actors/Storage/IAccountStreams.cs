namespace Ledger.Actors.Storage;

/// <summary>Reads accounts' journal streams directly. Thread-safe.</summary>
public interface IAccountStreams : IAsyncDisposable
{
    /// <summary>Reads rows of one stream, in order of their sequence numbers: as many as are asked for, or as their
    /// bytes allow, 8 MiB with one row at least. So an answer that is shorter than asked for need not be the end; one
    /// without rows is.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="fromSequenceNr">The first sequence number, inclusive.</param>
    /// <param name="toSequenceNr">The last sequence number, inclusive.</param>
    /// <param name="maxRows">How many rows at most.</param>
    /// <param name="descending">Whether the newest row comes first.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<StreamRow>> ReadAsync(
        string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
        CancellationToken cancellationToken);

    /// <summary>Lists the streams that have rows, in the store's own order, without reading their rows.</summary>
    /// <param name="prefix">What the ids begin with.</param>
    /// <param name="after">The id to begin after, or null.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<string>> ListStreamsAsync(
        string prefix, string? after, int limit, CancellationToken cancellationToken);
}
