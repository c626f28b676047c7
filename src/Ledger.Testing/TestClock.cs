namespace Ledger.Testing;

/// <summary>A clock that the test moves on.</summary>
/// <remarks>Until then it goes as the system's, which it begins with: a ledger whose time stood still could neither ask
/// again for what got lost nor end a call at its deadline. Ids that carry the system's time are taken up to an hour
/// ahead of the ledger's, and at any time after it. Thread-safe.</remarks>
public sealed class TestClock : TimeProvider
{
    private long ahead;

    /// <summary>How far the test has moved it.</summary>
    public TimeSpan Ahead => TimeSpan.FromTicks(Volatile.Read(ref ahead));

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;

    /// <summary>Moves the clock on. Holds that fall due expire within a moment;
    /// <see cref="TestLedger.AdvanceAsync"/> waits until they have.</summary>
    /// <param name="time">How far: not negative, and up to the year 2262.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or leads too far.</exception>
    public void Advance(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            time, LedgerLimits.HoldDeadlineMax.ToDateTimeOffset() - GetUtcNow());
        Interlocked.Add(ref ahead, time.Ticks);
    }
}
