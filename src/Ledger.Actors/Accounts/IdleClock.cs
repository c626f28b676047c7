using Akka.Actor;
using Akka.Event;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account that may have been idle for long enough to go to sleep.</summary>
internal sealed class IdleCheck : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public static readonly IdleCheck Instance = new();

    private IdleCheck()
    {
    }
}

/// <summary>Reminds accounts to look whether they are idle. Every awake account waits for that, mostly for minutes, and to the
/// second will do: so those of one second share a timer, where one for each would be a twentieth of an account's memory.</summary>
internal sealed class IdleClock
{
    private const long SliceMilliseconds = 1000;

    private static readonly TimeSpan s_exactBelow = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private readonly Dictionary<long, List<IActorRef>> slices = [];

    /// <summary>Sends <see cref="IdleCheck"/> after a pause, or up to a second later when it is a long one.</summary>
    /// <exception cref="SchedulerException">The actor system ends.</exception>
    public void RemindAfter(IScheduler scheduler, TimeSpan pause, IActorRef account)
    {
        if (pause < s_exactBelow)
        {
            scheduler.ScheduleTellOnce(pause, account, IdleCheck.Instance, ActorRefs.NoSender);
            return;
        }

        var now = Environment.TickCount64;
        var slice = ((now + (long)pause.TotalMilliseconds) / SliceMilliseconds) + 1;
        lock (gate)
        {
            if (slices.TryGetValue(slice, out var accounts))
            {
                accounts.Add(account);
                return;
            }

            slices.Add(slice, [account]);
        }

        scheduler.Advanced.ScheduleOnce(TimeSpan.FromMilliseconds((slice * SliceMilliseconds) - now), () => Remind(slice));
    }

    private void Remind(long slice)
    {
        List<IActorRef>? accounts;
        lock (gate)
        {
            slices.Remove(slice, out accounts);
        }

        foreach (var account in accounts!)
        {
            account.Tell(IdleCheck.Instance, ActorRefs.NoSender);
        }
    }
}
