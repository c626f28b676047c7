using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.Persistence;
using Akka.Persistence.Sql.Snapshot;
using Akka.Serialization;
using Akka.Util;

namespace Ledger.Actors.Storage;

/// <summary>The SQL plugin's snapshot store with direct loads, saves, and deletes of old ones; tables and format stay
/// the plugin's.</summary>
internal abstract class DirectSnapshotStore : SqlSnapshotStore
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly ExtendedActorSystem _system = (ExtendedActorSystem)Context.System;
    private readonly Serialization _serialization = Context.System.Serialization;

    private readonly int _bytesMax;

    protected DirectSnapshotStore(Config config)
        : base(config)
    {
        _bytesMax = config.GetInt("snapshot-bytes-max", LedgerSizes.SnapshotMax);
    }

    /// <summary>Reads the newest snapshot within both limits, inclusive.</summary>
    protected abstract Task<StoredSnapshot?> ReadAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken);

    /// <summary>Stores a snapshot, in place of the one with the same number if there is one.</summary>
    protected abstract Task WriteAsync(
        string persistenceId, StoredSnapshot snapshot, CancellationToken cancellationToken);

    /// <summary>Deletes the snapshots within the limits, inclusive.</summary>
    protected abstract Task DeleteAsync(
        string persistenceId, long maxSequenceNr, long maxTicks, CancellationToken cancellationToken);

    protected override Task DeleteAsync(
        string persistenceId, SnapshotSelectionCriteria criteria, CancellationToken cancellationToken) =>
        DeleteAsync(persistenceId, criteria.MaxSequenceNr, criteria.MaxTimeStamp.Ticks, cancellationToken);

    protected override async Task<SelectedSnapshot?> LoadAsync(
        string persistenceId, SnapshotSelectionCriteria criteria, CancellationToken cancellationToken)
    {
        for (var highest = criteria.MaxSequenceNr; ;)
        {
            // A failure of this is one of the store, and so the recovery's: to go on without would replay all of the
            // past.
            if (await ReadAsync(persistenceId, highest, criteria.MaxTimeStamp.Ticks, cancellationToken)
                is not { } snapshot)
            {
                return null;
            }

            try
            {
                return new SelectedSnapshot(
                    new SnapshotMetadata(
                        persistenceId, snapshot.SequenceNr, new DateTime(snapshot.CreatedTicks, DateTimeKind.Utc)),
                    _serialization.Deserialize(snapshot.Payload, snapshot.SerializerId, snapshot.Manifest));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // No failure of the store: its breaker would count it, and keep others from their snapshots.
                _log.Warning(
                    e, "Snapshot {0} of {1} ({2}) can't be read; an older one, or all of the journal, is read instead",
                    snapshot.SequenceNr,
                    persistenceId, snapshot.Manifest);
                highest = snapshot.SequenceNr - 1;
            }
        }
    }

    protected override Task SaveAsync(
        SnapshotMetadata metadata, object snapshot, CancellationToken cancellationToken)
    {
        var serializer = _serialization.FindSerializerFor(snapshot);
        var manifest = serializer switch
        {
            SerializerWithStringManifest withManifest => withManifest.Manifest(snapshot),
            { IncludeManifest: true } => snapshot.GetType().TypeQualifiedName(),
            _ => string.Empty,
        };
        var payload = Serialization.WithTransport(
            _system, (serializer, snapshot), static state => state.serializer.ToBinary(state.snapshot));
        if (payload.Length > _bytesMax)
        {
            // It could be written with luck and not be read back in time, and then the account would not wake.
            return Task.FromException(new SnapshotTooLargeException(metadata.PersistenceId, payload.Length, _bytesMax));
        }

        return WriteAsync(
            metadata.PersistenceId,
            new StoredSnapshot(
                metadata.SequenceNr, metadata.Timestamp.Ticks, payload, serializer.Identifier, manifest),
            cancellationToken);
    }
}
