namespace Ledger.Actors.Accounts;

/// <summary>The next moment at which somebody wants to be told. The clock keeps this and not the one who waits: an
/// account that has stopped is not kept in memory until then.</summary>
internal sealed class WakeTime
{
    private const long Never = long.MaxValue;

    // In microseconds. Written by the one who waits, and read by the thread of the clock.
    private long wanted = Never;

    /// <summary>Whether there is none, or only a later one.</summary>
    /// <param name="time">The moment.</param>
    public bool IsAfter(LedgerTime time) => time.UnixMicroseconds < Volatile.Read(ref wanted);

    /// <summary>Wants this one, and no longer the one before.</summary>
    /// <param name="time">The moment.</param>
    public void Want(LedgerTime time) => Volatile.Write(ref wanted, time.UnixMicroseconds);

    /// <summary>Wants none.</summary>
    public void Forget() => Volatile.Write(ref wanted, Never);

    /// <summary>Whether a moment that has come is the one that is wanted, which it is no longer after this answer: the
    /// same one can have been asked for many times, and nobody is to be told as often.</summary>
    /// <param name="time">The moment.</param>
    public bool Take(LedgerTime time) =>
        Interlocked.CompareExchange(ref wanted, Never, time.UnixMicroseconds) == time.UnixMicroseconds;
}
