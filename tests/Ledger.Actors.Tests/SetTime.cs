using Ledger.Actors.Timing;

namespace Ledger.Actors.Tests;

/// <summary>A machine's clocks, set by hand.</summary>
internal sealed class SetTime : TimeProvider
{
    private long ticks = TimeSpan.TicksPerDay;

    /// <summary>What the clock on the wall shows, beside the time that has passed.</summary>
    public DateTimeOffset Start { get; set; } = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    /// <summary>How long the machine slept, which its monotonic clock does not know.</summary>
    public TimeSpan Slept { get; set; }

    /// <summary>How long the machine has run.</summary>
    public BootClock Boot => field ??= new Run(this);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Lets time pass.</summary>
    public void Pass(TimeSpan time) => ticks += time.Ticks;

    public override DateTimeOffset GetUtcNow() => Start + new TimeSpan(ticks - TimeSpan.TicksPerDay) + Slept;

    public override long GetTimestamp() => ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Never();

    private sealed class Run(SetTime time) : BootClock
    {
        public override string BootId => "this run";

        public override TimeSpan? Uptime => new TimeSpan(time.ticks) + time.Slept;
    }

    private sealed class Never : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
