using System.Collections.Concurrent;
using Akka.Actor;
using Ledger.Actors.Accounts;

namespace Ledger.Actors.Tests;

/// <summary>The timers that accounts share.</summary>
public sealed class TimingWheelTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly ActorSystem system = ActorSystem.Create("clock");

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => system.Terminate();

    [Fact]
    public async Task Everybody_is_woken_once_and_not_before_the_time()
    {
        var clock = new TimingWheel();
        var woken = new ConcurrentDictionary<int, long>();
        var doubled = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 500; i++)
        {
            var number = i;
            var account = system.ActorOf(Props.Create<Sleeper>((Action)(() => Woken(number))));
            var wanted = new WakeTime();
            wanted.Want(new LedgerTime(i));

            // Asked for more than once, as an account does that looks at what it waits for again and again.
            for (var again = 0; again < 3; again++)
            {
                clock.WakeAfter(
                    system.Scheduler, TimeSpan.FromMilliseconds(i + (again * 20)), account, wanted, new LedgerTime(i));
            }
        }

        // After all that could wake somebody a second time.
        using var last = Inbox.Create(system);
        var end = new WakeTime();
        end.Want(new LedgerTime(500));
        clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(1000), last.Receiver, end, new LedgerTime(500));
        await last.ReceiveAsync(s_patience);
        await all.Task.WaitAsync(s_patience);

        foreach (var (number, at) in woken)
        {
            TimeProvider.System.GetElapsedTime(start, at).TotalMilliseconds
                .ShouldBeGreaterThan(number - 16, "a tick of the clock");
        }

        doubled.ShouldBe(0);

        void Woken(int number)
        {
            if (!woken.TryAdd(number, TimeProvider.System.GetTimestamp()))
            {
                Interlocked.Increment(ref doubled);
            }
            else if (woken.Count == 500)
            {
                all.TrySetResult();
            }
        }
    }

    [Fact]
    public async Task What_is_no_longer_wanted_wakes_nobody()
    {
        var clock = new TimingWheel();
        using var inbox = Inbox.Create(system);
        var wanted = new WakeTime();
        wanted.Want(new LedgerTime(9));
        wanted.IsAfter(new LedgerTime(8)).ShouldBeTrue();
        wanted.IsAfter(new LedgerTime(9)).ShouldBeFalse();
        clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(30), inbox.Receiver, wanted, new LedgerTime(9));
        wanted.Want(new LedgerTime(8));
        var other = new WakeTime();
        other.Want(new LedgerTime(1));
        clock.WakeAfter(system.Scheduler, TimeSpan.FromMilliseconds(90), inbox.Receiver, other, new LedgerTime(1));

        (await inbox.ReceiveAsync(s_patience)).ShouldBe(Wake.Instance);
        other.IsAfter(LedgerTime.MaxValue).ShouldBeFalse();
        other.IsAfter(new LedgerTime(1)).ShouldBeTrue("it has come, and is wanted no longer");
        wanted.IsAfter(new LedgerTime(8)).ShouldBeFalse("it was not this one that came");
    }

    [Fact]
    public async Task Reminders_come_whether_the_pause_is_short_or_long()
    {
        var clock = new TimingWheel();
        using var inbox = Inbox.Create(system);
        clock.RemindAfter(system.Scheduler, TimeSpan.FromSeconds(4), inbox.Receiver);
        clock.RemindAfter(system.Scheduler, TimeSpan.FromMilliseconds(100), inbox.Receiver);

        (await inbox.ReceiveAsync(s_patience)).ShouldBe(IdleCheck.Instance);
        (await inbox.ReceiveAsync(s_patience)).ShouldBe(IdleCheck.Instance);
    }

    private sealed class Sleeper : ReceiveActor
    {
        public Sleeper(Action woken) => Receive<Wake>(_ => woken());
    }
}
