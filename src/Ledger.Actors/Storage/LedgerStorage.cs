using Akka.Hosting;
using Ledger.Actors.Index;
using Ledger.Actors.Leasing;
using Ledger.Actors.Timing;

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

    /// <summary>Reads which ledger the storage holds, with the epoch that runs now. After
    /// <see cref="Prepare"/>.</summary>
    /// <exception cref="InvalidOperationException">It can't be read, or is not there.</exception>
    internal virtual LedgerIdentity ReadIdentity() =>
        throw new NotSupportedException($"{GetType().Name} keeps no identity of the ledger.");

    /// <summary>Begins a new epoch: a person's word that the ledger is to go on with what the journal holds
    /// now.</summary>
    /// <param name="by">Who begins it.</param>
    /// <param name="reason">Why.</param>
    /// <returns>The identity with the new epoch.</returns>
    /// <exception cref="InvalidOperationException">It could not be begun.</exception>
    internal virtual LedgerIdentity BeginEpoch(string by, string reason) =>
        throw new NotSupportedException($"{GetType().Name} keeps no identity of the ledger.");

    /// <summary>Why the journal of the epoch that runs is known to have lost rows; null while it is not, or where
    /// <see cref="Prepare"/> refuses such a one.</summary>
    internal virtual string? ReadLoss() => null;

    /// <summary>Puts on record that an epoch's journal has lost rows, where there are no leases whose store does
    /// it.</summary>
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

    /// <summary>Opens the table of blocks; null where the storage keeps none, so that nobody can be blocked.</summary>
    internal virtual IBlockStore? OpenBlocks() => null;

    /// <summary>Opens the tables of the index of transfers and accounts.</summary>
    internal virtual IIndexStore OpenIndex() =>
        throw new NotSupportedException($"{GetType().Name} keeps no index of transfers and accounts.");

    /// <summary>Opens the journal's rows in the order of their places.</summary>
    internal virtual IJournalRows OpenJournalRows() =>
        throw new NotSupportedException($"{GetType().Name} does not read its journal in order.");

    /// <summary>Opens a reader of the whole journal.</summary>
    /// <param name="generation">See <see cref="JournalReader"/>.</param>
    internal JournalReader OpenJournalReader(Func<int>? generation = null) => new(OpenJournalRows(), generation);

    /// <summary>Appends rows to the journal as the plugin does, and takes them back, so that the first real ones are
    /// not held up by the compiler.</summary>
    /// <param name="persistenceId">A stream that does not exist.</param>
    /// <param name="cancellationToken">Gives up.</param>
    internal virtual Task WarmUpAsync(string persistenceId, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Reads what the storage remembers of the ledger's time.</summary>
    internal virtual ClockMark ReadClockMark() => new(null);

    /// <summary>Opens the table of leases; null where only one process can have the storage open.</summary>
    internal virtual ILeaseStore? OpenLeases() => null;
}
