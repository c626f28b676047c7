using System.Collections.Concurrent;
using Akka.Hosting;
using Ledger.Actors.Leasing;
using Ledger.Actors.Timing;
using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>Where a ledger keeps its journal: the seam between the actors, which name no database, and the packages
/// Ledger.Sqlite and Ledger.PostgreSql, which do.</summary>
public abstract class LedgerStorage
{
    /// <summary>What the storage is, for people, with secrets masked.</summary>
    public abstract string Description { get; }

    /// <summary>Whether several processes may share the storage, so that a cluster can run on it.</summary>
    public abstract bool SupportsCluster { get; }

    /// <summary>Creates the tables where the options ask for it, and refuses storage that can't be trusted: one whose
    /// journal lacks its unique key. Called once, before the actor system starts.</summary>
    /// <exception cref="InvalidOperationException">The storage can't be used.</exception>
    public abstract void Prepare();

    /// <summary>Adds the journal and the snapshot store to the actor system's configuration.</summary>
    /// <param name="builder">The configuration.</param>
    public abstract void Configure(AkkaConfigurationBuilder builder);

    /// <summary>Opens the reading side: accounts' own streams, outside the actors.</summary>
    public abstract IAccountStreams OpenStreams();

    /// <summary>Reads which ledger the storage holds, with the epoch that runs now. After <see cref="Prepare"/>.</summary>
    /// <exception cref="InvalidOperationException">It can't be read, or is not there.</exception>
    internal virtual LedgerIdentity ReadIdentity() =>
        throw new NotSupportedException($"{GetType().Name} keeps no identity of the ledger.");

    /// <summary>Begins a new epoch: a person's word that the ledger is to go on with what the journal holds now.</summary>
    /// <param name="by">Who begins it.</param>
    /// <param name="reason">Why.</param>
    /// <returns>The identity with the new epoch.</returns>
    /// <exception cref="InvalidOperationException">It could not be begun.</exception>
    internal virtual LedgerIdentity BeginEpoch(string by, string reason) =>
        throw new NotSupportedException($"{GetType().Name} keeps no identity of the ledger.");

    /// <summary>Why the journal of the epoch that runs is known to have lost rows; null while it is not, or where <see cref="Prepare"/>
    /// refuses such a one.</summary>
    internal virtual string? ReadLoss() => null;

    /// <summary>Puts on record that an epoch's journal has lost rows, where there are no leases whose store does it.</summary>
    internal virtual void RecordLoss(long epoch, string evidence)
    {
    }

    /// <summary>Has what is opened from now on look at the database before it reads, for one actor system.</summary>
    internal virtual void Attach(DatabaseWatch database)
    {
    }

    /// <summary>Gives up connections that are kept open: they may lead to a server that is none any more.</summary>
    internal virtual void ForgetConnections()
    {
    }

    /// <summary>Opens the tables of the hold index.</summary>
    internal virtual IHoldIndexStore OpenHoldIndex() =>
        throw new NotSupportedException($"{GetType().Name} keeps no hold index.");

    /// <summary>Appends rows to the journal as the plugin does, and takes them back, so that the first real ones are not held up
    /// by the compiler.</summary>
    /// <param name="persistenceId">A stream that does not exist.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal virtual Task WarmUpAsync(string persistenceId, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Reads what the storage remembers of the ledger's time.</summary>
    internal virtual ClockMark ReadClockMark() => new(null);

    /// <summary>Opens the table of leases; null where only one process can have the storage open.</summary>
    internal virtual ILeaseStore? OpenLeases() => null;
}

/// <summary>Reads accounts' journal streams directly. Thread-safe.</summary>
public interface IAccountStreams : IAsyncDisposable
{
    /// <summary>Reads rows of one stream, in order of their sequence numbers: as many as are asked for, or as their bytes allow, 8 MiB
    /// with one row at least. So an answer that is shorter than asked for need not be the end; one without rows is.</summary>
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

/// <summary>Streams with an index of ids: of the rows that an id's own time does not lead to. It is written in the transactions of the
/// rows, and can be made again from them.</summary>
internal interface IIndexedStreams : IAccountStreams
{
    /// <summary>Finds the rows of one stream that are entered under any of some ids.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="ids">The ids.</param>
    /// <param name="upTo">The last row that matters. What is told is true of a moment at which that row was there.</param>
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

    /// <summary>Says that a stream's entries are there from its first row on: the notes of what was missing are taken off.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="upTo">The last row whose entries have been added again; notes of later rows stay.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken);
}

/// <summary>What the index knows of some ids in a stream.</summary>
/// <param name="After">Every row after this number was stored with its entries; those up to it were written before there was an index
/// of this kind.</param>
/// <param name="Rows">The numbers of the rows, in order, each once.</param>
/// <param name="IsWhole">Whether nothing is known to be missing: the newest entry is there, and no row was stored without the one
/// before its own.</param>
internal readonly record struct IndexedRows(long After, IReadOnlyList<long> Rows, bool IsWhole)
{
    /// <summary>Whether every row that belongs into the index is in it.</summary>
    public bool IsComplete => IsWhole && After == 0;
}

/// <summary>Where in each stream the index of ids begins. Thread-safe.</summary>
internal sealed class IdIndexStart
{
    private const int KnownMax = 100_000;

    private readonly ConcurrentDictionary<string, (long Place, long After)> _known = new(StringComparer.Ordinal);

    /// <summary>The last row of a stream that was written before there was an index; 0 for none.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="place">The last place of the whole journal without an index; null when that is not known, so that nothing is
    /// taken for indexed.</param>
    /// <param name="upTo">A row of the stream, beyond which it need not be looked for.</param>
    /// <param name="placeOf">The place of a row.</param>
    /// <remarks>One stream's rows have their places in the order of their numbers.</remarks>
    public async ValueTask<long> OfAsync(string persistenceId, long? place, long upTo, Func<long, ValueTask<long>> placeOf)
    {
        if (place is not > 0)
        {
            return place is null ? long.MaxValue : 0;
        }

        if (_known.TryGetValue(persistenceId, out var known) && known.Place == place)
        {
            return known.After;
        }

        // Most streams are wholly on one side of it.
        long low = 0;
        var high = upTo;
        if (upTo == 0 || await placeOf(1) > place)
        {
            high = 0;
        }
        else if (await placeOf(upTo) <= place)
        {
            return upTo;
        }

        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            (low, high) = await placeOf(middle) <= place ? (middle, high) : (low, middle - 1);
        }

        if (_known.Count >= KnownMax)
        {
            _known.Clear();
        }

        // Found within rows that are there already, so it will not move.
        _known[persistenceId] = (place.Value, low);
        return low;
    }
}

/// <summary>One row of a stream, as stored.</summary>
/// <param name="SequenceNr">Its number: 1, 2, 3 and so on.</param>
/// <param name="Manifest">What the payload is.</param>
/// <param name="Payload">The stored bytes.</param>
public readonly record struct StreamRow(long SequenceNr, string Manifest, ReadOnlyMemory<byte> Payload);
