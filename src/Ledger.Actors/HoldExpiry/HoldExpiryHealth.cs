namespace Ledger.Actors.HoldExpiry;

/// <summary>How the hold expiry fares. Thread-safe.</summary>
internal sealed class HoldExpiryHealth
{
    private volatile HoldExpiryStatus status = new(null, null, 0, 0, null, false);
    private int unreadableRows;

    public HoldExpiryStatus Status => status;

    /// <summary>How many rows this process could not read; work may be missing until they are
    /// fixed, or a newer version has read them.</summary>
    public int UnreadableRows => Volatile.Read(ref unreadableRows);

    public void CountUnreadable() => Interlocked.Increment(ref unreadableRows);

    public void CountReadAgain() => Interlocked.Decrement(ref unreadableRows);

    public void Report(HoldExpiryStatus now) => status = now;
}
