namespace Ledger.Actors.Journal;

/// <summary>How the snapshots of a node's accounts fare. Thread-safe.</summary>
internal sealed class SnapshotWatch
{
    private long tooLarge;

    /// <summary>How many were not written because they were too long, since the process began.</summary>
    public long TooLarge => Interlocked.Read(ref tooLarge);

    /// <summary>Counts one that was not written because it was too long.</summary>
    /// <returns>How many there were.</returns>
    public long CountTooLarge() => Interlocked.Increment(ref tooLarge);
}
