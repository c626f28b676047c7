using System.Collections.Concurrent;
using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>The timers that accounts share.</summary>
public sealed class AccountClockTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly ActorSystem system = ActorSystem.Create("clock");

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => system.Terminate();

    [Fact]
    public async Task Everybody_is_called_with_what_they_asked_for_and_not_before()
    {
        var clock = new AccountClock();
        var wakeable = new Recorder(500);
        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 500; i++)
        {
            clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(i), wakeable, new LedgerTime(i));
        }

        await wakeable.All.WaitAsync(s_patience);

        foreach (var (time, at) in wakeable.Called)
        {
            TimeProvider.System.GetElapsedTime(start, at).TotalMilliseconds
                .ShouldBeGreaterThanOrEqualTo(time.UnixMicroseconds - 1);
        }

        wakeable.Called.Select(static one => one.Time.UnixMicroseconds).Order()
            .ShouldBe(Enumerable.Range(0, 500).Select(static i => (long)i));
    }

    [Fact]
    public async Task One_who_fails_keeps_the_others_from_nothing()
    {
        var clock = new AccountClock();
        var wakeable = new Recorder(1);
        clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(300), new Failing(), new LedgerTime(1));
        clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(300), wakeable, new LedgerTime(2));

        await wakeable.All.WaitAsync(s_patience);
    }

    [Fact]
    public async Task Reminders_come_whether_the_pause_is_short_or_long()
    {
        var clock = new AccountClock();
        using var inbox = Inbox.Create(system);
        clock.RemindAfter(system.Scheduler, TimeSpan.FromSeconds(4), inbox.Receiver);
        clock.RemindAfter(system.Scheduler, TimeSpan.FromMilliseconds(100), inbox.Receiver);

        (await inbox.ReceiveAsync(s_patience)).ShouldBe(IdleCheck.Instance);
        (await inbox.ReceiveAsync(s_patience)).ShouldBe(IdleCheck.Instance);
    }

    private sealed class Recorder(int count) : IWakeable
    {
        private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task All => all.Task;

        public ConcurrentBag<(LedgerTime Time, long At)> Called { get; } = [];

        public void WakeIfWanted(LedgerTime time)
        {
            Called.Add((time, TimeProvider.System.GetTimestamp()));
            if (Called.Count == count)
            {
                all.TrySetResult();
            }
        }
    }

    private sealed class Failing : IWakeable
    {
        public void WakeIfWanted(LedgerTime time) => throw new InvalidOperationException("on purpose");
    }
}
