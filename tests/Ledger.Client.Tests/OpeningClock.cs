using Microsoft.Extensions.Time.Testing;

namespace Ledger.Client.Tests;

/// <summary>Time that the test moves, which knows how many streams wait for their hello by it.</summary>
/// <remarks>A test that moves minutes by the second is faster than a connection: without this a hello is late by the
/// clock before it can have come.</remarks>
internal sealed class OpeningClock : FakeTimeProvider
{
    // S1 of shared streams; nothing else of a client waits as long.
    private static readonly TimeSpan s_helloWithin = TimeSpan.FromSeconds(2);

    private int opening;

    /// <summary>How many streams are being opened.</summary>
    public int Opening => Volatile.Read(ref opening);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime != s_helloWithin)
        {
            return timer;
        }

        Interlocked.Increment(ref opening);
        return new Counted(timer, this);
    }

    private sealed class Counted(ITimer timer, OpeningClock clock) : ITimer
    {
        private int ended;

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
            {
                Interlocked.Decrement(ref clock.opening);
            }

            timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
