using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Keeps accounts whose journal can't be read from being woken by every call: each is tried again after a pause, and
/// where nothing at all can be read, one account at a time asks whether that is still so. Thread-safe.</summary>
internal sealed class RecoveryThrottle
{
    /// <summary>Where so many recoveries have failed in a row, the fault is not one account's.</summary>
    private const int FailuresOfAll = 3;

    // From a quarter of a second to two: what has come back is used again within that time, and a caller that asks without
    // a pause costs the store no more than four reads a second.
    private const int DoublingsMax = 3;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    // A store that is being restarted is waited for; one that is away for longer is no secret to keep until the deadline.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<AccountAddress, Failing> failing = new();
    private long nextProbe;

    /// <summary>How recoveries fare.</summary>
    public JournalWatch Reads { get; } = new();

    /// <summary>How many accounts could not be recovered when that was last tried.</summary>
    public int Count => failing.Count;

    /// <summary>Whether an account may read its journal now, where nothing else does so first.</summary>
    public bool IsDue(AccountAddress account) => IsDue(account, Stopwatch.GetTimestamp());

    /// <summary>Lets an account read its journal, or not: where nothing can be read, one of many that ask at once.</summary>
    public bool TryBegin(AccountAddress account)
    {
        var now = Stopwatch.GetTimestamp();
        if (!IsDue(account, now))
        {
            return false;
        }

        var probe = Volatile.Read(ref nextProbe);
        return Reads.Failures < FailuresOfAll
            || (now >= probe && Interlocked.CompareExchange(ref nextProbe, now + Ticks(s_pause), probe) == probe);
    }

    /// <summary>What callers of an account that may not be tried are told: to try again, or, after a while, that it is of no
    /// use.</summary>
    public CallFailure ReasonFor(AccountAddress account)
    {
        var since = failing.TryGetValue(account, out var failed) ? failed.First : long.MaxValue;
        var all = Reads.Failures >= FailuresOfAll ? Reads.Since : TimeSpan.Zero;
        return all > s_patience || (since != long.MaxValue && Stopwatch.GetElapsedTime(since) > s_patience)
            ? CallFailure.JournalUnavailable
            : CallFailure.Moving;
    }

    /// <summary>Notes that a recovery has failed.</summary>
    /// <returns>How long to wait before the account is woken though nobody asks for it.</returns>
    public TimeSpan Failed(AccountAddress account)
    {
        var now = Stopwatch.GetTimestamp();
        var failed = failing.AddOrUpdate(
            account,
            static (_, at) => new Failing(1, at, at + Ticks(s_pause)),
            static (_, old, at) => new Failing(old.Count + 1, old.First, at + Ticks(s_pause * (1 << Math.Min(old.Count, DoublingsMax)))),
            now);
        return TimeSpan.FromSeconds(1 << Math.Min(failed.Count - 1, 5));
    }

    /// <summary>Notes that a recovery has succeeded.</summary>
    /// <returns>The accounts to wake, where it is the first for long: those that could not be recovered before.</returns>
    public IReadOnlyCollection<AccountAddress> Succeeded(AccountAddress account)
    {
        var hadFailed = Reads.Failures >= FailuresOfAll;
        Reads.Succeeded();
        if (!failing.IsEmpty)
        {
            failing.TryRemove(account, out _);
        }

        return hadFailed ? [.. failing.Keys] : [];
    }

    private bool IsDue(AccountAddress account, long now) => failing.IsEmpty
        || ((!failing.TryGetValue(account, out var failed) || now >= failed.RetryAt)
            && (Reads.Failures < FailuresOfAll || now >= Volatile.Read(ref nextProbe)));

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private readonly record struct Failing(int Count, long First, long RetryAt);
}

/// <summary>Stands in for an account whose journal could not be read a moment ago: answers its callers at once, until it may be
/// tried again.</summary>
/// <remarks>What other accounts say to it is lost; they say it again.</remarks>
internal sealed class UnreadableAccountActor(AccountAddress account, AccountActorContext context) : UntypedActor
{
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(5);

    private bool leaving;

    protected override void PreStart() => Context.SetReceiveTimeout(s_idle);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AccountEnvelope envelope when leaving || context.Recoveries.IsDue(account):
                // The parent keeps what comes from now on for the next incarnation, this message among it.
                Leave();
                context.Accounts().Tell(envelope, Sender);
                break;
            case AccountEnvelope { Message: AccountCall call }:
                LostCallsActor.Answer(call.Caller, new CallFailed(context.Recoveries.ReasonFor(account)));
                break;
            case AccountEnvelope { Message: Poke } envelope:
                // Whatever woke it may be unfinished there (R5).
                Context.System.Scheduler.ScheduleTellOnce(s_idle, context.Accounts(), envelope, ActorRefs.NoSender);
                break;
            case ReceiveTimeout:
                Leave();
                break;
            case StopAccount:
                Context.Stop(Self);
                break;
            case AccountEnvelope:
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Leave()
    {
        if (!leaving)
        {
            leaving = true;
            Context.Parent.Tell(new Passivate(StopAccount.Instance));
        }
    }
}
