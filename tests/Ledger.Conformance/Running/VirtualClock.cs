namespace Ledger.Conformance.Running;

/// <summary>A clock that moves only when it is told to.</summary>
/// <remarks>Timers are the system's: what waits a moment before it tries again has to go on while the clock stands
/// still. Thread-safe.</remarks>
internal sealed class VirtualClock : TimeProvider
{
    private static readonly LedgerTime Start = LedgerTime.From(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private long now = Start.UnixMicroseconds;

    public override DateTimeOffset GetUtcNow() => new LedgerTime(Volatile.Read(ref now)).ToDateTimeOffset();

    /// <summary>Advances by a duration, at most to the end of time.</summary>
    /// <param name="nanoseconds">How far; rounded up to whole microseconds, which is what the ledger counts.</param>
    public void Advance(UInt128 nanoseconds)
    {
        var end = LedgerLimits.HoldDeadlineMax.UnixMicroseconds;
        var left = (UInt128)(end - now);
        var step = Microseconds(nanoseconds);
        Volatile.Write(ref now, step < left ? now + (long)step : end);
    }

    /// <summary>Sets the clock to so long before the end of time, which is the last moment at which a hold can
    /// expire.</summary>
    /// <param name="nanoseconds">How long before it; rounded up.</param>
    public void SetBeforeEnd(UInt128 nanoseconds)
    {
        var end = LedgerLimits.HoldDeadlineMax.UnixMicroseconds;
        var step = Microseconds(nanoseconds);
        if (step > (UInt128)(end - now))
        {
            throw new InvalidOperationException("This would set the clock back.");
        }

        Volatile.Write(ref now, end - (long)step);
    }

    private static UInt128 Microseconds(UInt128 nanoseconds) => (nanoseconds + 999) / 1000;
}
