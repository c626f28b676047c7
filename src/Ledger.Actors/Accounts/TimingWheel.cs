using System.Runtime.ExceptionServices;
using Akka.Actor;

namespace Ledger.Actors.Accounts;

/// <summary>The timers of all accounts of a node, shared by those whose time comes together. A timer for each would be
/// a twentieth of an awake account's memory, and, since every transfer arranges for what happens should nobody answer,
/// most of what outlives a transfer in the memory of the process.</summary>
internal sealed class TimingWheel
{
    /// <summary>What waits for longer is better off with a timer of its own, which can be taken back: here it would be
    /// kept in memory until then.</summary>
    public static readonly TimeSpan WakeWithin = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_exactBelow = TimeSpan.FromSeconds(4);

    private readonly Slices<IActorRef> idle = new(
        1000, static account => account.Tell(IdleCheck.Instance, ActorRefs.NoSender));

    // As long as a tick of the scheduler: up to so much later than with a timer of its own.
    private readonly Slices<Waiting> wakes = new(10, static one =>
    {
        if (one.Wanted.Take(one.Time))
        {
            one.Account.Tell(Wake.Instance, ActorRefs.NoSender);
        }
    });

    /// <summary>Sends <see cref="IdleCheck"/> after a pause, or up to a second later when it is a long one.</summary>
    /// <exception cref="SchedulerException">The actor system ends.</exception>
    public void RemindAfter(IScheduler scheduler, TimeSpan pause, IActorRef account)
    {
        if (pause < s_exactBelow)
        {
            scheduler.ScheduleTellOnce(pause, account, IdleCheck.Instance, ActorRefs.NoSender);
            return;
        }

        idle.Add(scheduler, pause, account);
    }

    /// <summary>Sends <see cref="Wake"/> after a pause of at most <see cref="WakeWithin"/>, if the moment is still
    /// wanted then.</summary>
    /// <exception cref="SchedulerException">The actor system ends.</exception>
    public void WakeAfter(IScheduler scheduler, TimeSpan pause, IActorRef account, WakeTime wanted, LedgerTime time) =>
        wakes.Add(scheduler, pause, new Waiting(account, wanted, time));

    private readonly record struct Waiting(IActorRef Account, WakeTime Wanted, LedgerTime Time);

    private sealed class Slices<T>(long milliseconds, Action<T> due)
    {
        private readonly Lock gate = new();
        private readonly Dictionary<long, List<T>> waiting = [];

        // A list that has served is used again: it is long already, and old.
        private readonly Stack<List<T>> spare = new();

        public void Add(IScheduler scheduler, TimeSpan pause, T one)
        {
            var now = Environment.TickCount64;
            var slice = ((now + (long)pause.TotalMilliseconds) / milliseconds) + 1;
            lock (gate)
            {
                if (waiting.TryGetValue(slice, out var others))
                {
                    others.Add(one);
                    return;
                }

                var first = spare.TryPop(out var list) ? list : [];
                first.Add(one);
                waiting.Add(slice, first);
            }

            scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds((slice * milliseconds) - now), () => Call(slice));
        }

        private void Call(long slice)
        {
            const int SpareMax = 64;
            const int SpareLengthMax = 1024;

            List<T>? those;
            lock (gate)
            {
                waiting.Remove(slice, out those);
            }

            ExceptionDispatchInfo? failure = null;
            foreach (var one in those!)
            {
                try
                {
                    due(one);
                }
                catch (Exception e)
                {
                    // Nobody's trouble may keep the others asleep; the scheduler logs it.
                    failure ??= ExceptionDispatchInfo.Capture(e);
                }
            }

            those.Clear();
            lock (gate)
            {
                if (spare.Count < SpareMax && those.Capacity <= SpareLengthMax)
                {
                    spare.Push(those);
                }
            }

            failure?.Throw();
        }
    }
}
