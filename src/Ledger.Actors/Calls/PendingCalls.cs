using System.Collections.Concurrent;
using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>The calls of one node that wait for an answer: a promise per call instead of an actor per call. Local
/// accounts complete it directly, those of other nodes through <see cref="Router"/>.</summary>
internal sealed class PendingCalls : IResponseSink, IDisposable
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromMilliseconds(50);

    // Not while an account may still wait for doubt, and then say that nothing was done: once a copy is under way, that
    // is not known any more (R20).
    private static readonly TimeSpan SendAgainAfter =
        new AccountMachineOptions().DoubtWait + TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SendAgainAfterMax = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<long, Call> calls = new();
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private readonly int callsMax;
    private long lastCorrelation;
    private volatile bool isDisposed;
    private int count;

    public PendingCalls(TimeProvider time, int callsMax)
    {
        this.time = time;
        this.callsMax = callsMax;
        timer = time.CreateTimer(_ => EndOverdue(), null, CheckEvery, CheckEvery);
    }

    /// <summary>The actor through which other nodes answer.</summary>
    public IActorRef Router { get; set; } = ActorRefs.Nobody;

    public int Count => Volatile.Read(ref count);

    /// <summary>Whether the actor system has ended, and nobody answers any more.</summary>
    public bool IsDisposed => isDisposed;

    /// <summary>Admits a number of calls, or refuses them all.</summary>
    public void Admit(int more)
    {
        if (Interlocked.Add(ref count, more) > callsMax)
        {
            Interlocked.Add(ref count, -more);
            throw new LedgerException(
                LedgerErrorReason.Overloaded, "The node works on as many calls as it may. Retry after a pause.");
        }
    }

    public void Leave(int fewer) => Interlocked.Add(ref count, -fewer);

    public Call Start(DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var call = new Call(Interlocked.Increment(ref lastCorrelation), deadline);
        calls[call.Correlation] = call;
        if (isDisposed)
        {
            // Nobody will answer any more, nor watch the deadline.
            Complete(call.Correlation, new RequestFailed(RequestFailure.Relocating));
            return call;
        }

        if (cancellationToken.CanBeCanceled)
        {
            call.Registration = cancellationToken.UnsafeRegister(
                static (state, token) =>
                {
                    var (table, waiting) = ((PendingCalls, Call))state!;
                    table.calls.TryRemove(waiting.Correlation, out _);
                    waiting.Promise.TrySetCanceled(token);
                },
                (this, call));
        }

        return call;
    }

    /// <summary>Asks an account once, without a second sending.</summary>
    /// <param name="to">The account, or what passes on to it.</param>
    /// <param name="account">Its address.</param>
    /// <param name="message">What to ask.</param>
    /// <param name="deadline">When to stop waiting.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<AccountResponse> AskAsync(
        IActorRef to, AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> message,
        DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var call = Start(deadline, cancellationToken);
        to.Tell(
            new AccountEnvelope(account, message(new ReplyTarget(this, call.Correlation), LedgerTime.From(deadline))),
            ActorRefs.NoSender);
        return call.Promise.Task;
    }

    public void Complete(long correlation, AccountResponse answer)
    {
        if (calls.TryRemove(correlation, out var call))
        {
            call.Registration.Dispose();
            call.Promise.TrySetResult(answer);
        }
    }

    public void Dispose()
    {
        isDisposed = true;
        timer.Dispose();
        foreach (var correlation in calls.Keys)
        {
            // Another node of the cluster may know the outcome, so the caller should ask there, and now.
            Complete(correlation, new RequestFailed(RequestFailure.Relocating));
        }
    }

    private void EndOverdue()
    {
        if (calls.IsEmpty)
        {
            return;
        }

        var now = time.GetUtcNow();
        foreach (var (correlation, call) in calls)
        {
            if (now >= call.Deadline && calls.TryRemove(correlation, out _))
            {
                call.Registration.Dispose();
                call.Promise.TrySetResult(TimedOut.Instance);
            }
            else if (call.IsToBeSentAgain(now))
            {
                call.SendAgain(now);
            }
        }
    }

    internal sealed class Call(long correlation, DateTimeOffset deadline)
    {
        private Action? send;
        private TimeSpan pause;
        private long sendAgainAt = long.MaxValue;

        public long Correlation { get; } = correlation;

        public DateTimeOffset Deadline { get; } = deadline;

        public TaskCompletionSource<AccountResponse> Promise { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationTokenRegistration Registration { get; set; }

        /// <summary>Whether it was sent more than once, so that an answer need not be true of every copy.</summary>
        public bool WasSentAgain { get; private set; }

        /// <summary>Has the call sent again as long as there is no answer. A copy of a call joins the one that is at
        /// work (R6), and one whose answer was lost is answered alike, so this costs a message and changes
        /// nothing.</summary>
        public void SendAgain(Action how, DateTimeOffset now)
        {
            send = how;
            pause = SendAgainAfter;
            Volatile.Write(ref sendAgainAt, (now + pause).UtcTicks);
        }

        internal bool IsToBeSentAgain(DateTimeOffset now) => now.UtcTicks >= Volatile.Read(ref sendAgainAt);

        internal void SendAgain(DateTimeOffset now)
        {
            WasSentAgain = true;
            pause = pause * 2 < SendAgainAfterMax ? pause * 2 : SendAgainAfterMax;
            Volatile.Write(ref sendAgainAt, (now + pause).UtcTicks);
            send!();
        }
    }
}
