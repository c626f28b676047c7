namespace Ledger.Actors.Storage;

/// <summary>The journal of all accounts in the order of its places, as those read it who fold it: what a database must
/// do for <see cref="JournalReader"/>. Thread-safe.</summary>
internal interface IJournalRows : IAsyncDisposable
{
    /// <summary>Looks where the journal ends. Not called concurrently.</summary>
    /// <param name="generation">Which history of the database it is: what was seen of another one says nothing of
    /// this (R19 b).</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<JournalHead> ReadHeadAsync(int generation, CancellationToken cancellationToken);

    /// <summary>Reads rows after one place and up to another, in order; those with one manifest, or with any that
    /// begins with it.</summary>
    Task<JournalPage> ReadRowsAsync(
        long after, long upTo, string manifest, bool isPrefix, PageSize size, CancellationToken cancellationToken);

    /// <summary>The place of one row; null when it is not there.</summary>
    Task<long?> FindPlaceAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken);

    /// <summary>When the first row after a place was written, in microseconds since the Unix epoch; null when there is
    /// none.</summary>
    Task<long?> TimeAfterAsync(long place, CancellationToken cancellationToken);

    /// <summary>Whether a failure to read says that the time was up, so that less may do. Not asked about
    /// cancellations.</summary>
    bool IsTimeout(Exception exception);
}
