namespace Ledger.Core;

/// <summary>When an account takes a snapshot.</summary>
/// <remarks>
/// What is replayed after a snapshot takes time by its rows, its events and legs, and its bytes: none may grow without
/// bound. The ids in memory and the holds are most of a snapshot: it must not cost more than what it stands for, unless
/// that has become much. Accounts that are used alike must not take theirs all at once, so each stretch is from half as
/// long to as long, by the account and its place.
/// </remarks>
internal struct SnapshotSchedule(AccountAddress account)
{
    private readonly ulong jitterSeed = StableHash.Of(account.Text);
    private long newest;
    private long work;
    private long bytes;

    /// <summary>The account was restored from a snapshot.</summary>
    /// <param name="sequenceNr">The row that it was taken at.</param>
    public void Restored(long sequenceNr) => newest = sequenceNr;

    /// <summary>Counts an event of a row that has no snapshot yet.</summary>
    /// <param name="happened">The event.</param>
    public void Count(AccountEvent happened) => work += LegsOf(happened);

    /// <summary>Counts the bytes of a row that takes no further event.</summary>
    /// <param name="size">How many.</param>
    public void CountBytes(long size) => bytes += size;

    /// <summary>Begins anew, if a snapshot is due.</summary>
    /// <param name="sequenceNr">The row that it would be taken at.</param>
    /// <param name="entries">How many ids and holds it would have.</param>
    /// <param name="options">The settings.</param>
    /// <returns>Whether one is to be taken.</returns>
    public bool TryBegin(long sequenceNr, long entries, AccountMachineOptions options)
    {
        if (!IsDue(sequenceNr, entries, options))
        {
            return false;
        }

        work = bytes = 0;
        newest = sequenceNr;
        return true;
    }

    private readonly bool IsDue(long sequenceNr, long entries, AccountMachineOptions options)
    {
        var share = 128 + (long)(unchecked((jitterSeed ^ (ulong)newest) * 0x9E37_79B9_7F4A_7C15UL) % 129);
        var stretch = Math.Max(sequenceNr - newest, work / AccountMachineOptions.SnapshotEventsPerRow) * 256;
        var due = options.SnapshotEvery * share;
        var isWorthIt = work * 512 >= entries * share;
        return (stretch >= due && isWorthIt)
            || stretch >= due * AccountMachineOptions.SnapshotPostponedMax
            || bytes * 256 >= options.SnapshotEveryBytes * share;
    }

    // What an event costs when it is replayed: as many legs as it has.
    private static long LegsOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => Math.Max(1, prepared.Branch.Legs.Length),
        LastAgentCommitted committed => Math.Max(1, committed.Branch.Legs.Length),
        TransactionRejected rejected => Math.Max(1, rejected.Branch.Legs.Length),
        LastAgentRefused refused => Math.Max(1, refused.Branch.Legs.Length),
        _ => 1,
    };
}
