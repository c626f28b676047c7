using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Admits calls, sends requests to accounts until there is an answer, and reads storage within a call's
/// deadline. Thread-safe.</summary>
internal sealed class RequestDispatcher(
    LedgerOptions options, TimeProvider clock, PendingCalls calls, Task<IActorRef> accounts)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan RetryPauseMax = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan WaitMax = TimeSpan.FromDays(1);

    /// <summary>Why this process may never answer again; null while it may.</summary>
    public Func<(LedgerErrorReason Reason, string Text)?> Ended { get; init; } = static () => null;

    /// <summary>Whether what the database says may be told: after it has changed, others may know of rows that it lacks
    /// (R19 b).</summary>
    public Func<bool> IsConfirmed { get; init; } = static () => true;

    /// <summary>Admits a call.</summary>
    /// <param name="count">As how many it counts.</param>
    /// <param name="timeout">How long it may take; null for the default of the ledger.</param>
    /// <param name="cancellationToken">Gives up earlier.</param>
    /// <exception cref="LedgerException">The node works on too many, or may never answer again, or the deadline has
    /// passed.</exception>
    public AdmittedCall Begin(int count, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (Ended() is var (reason, text))
        {
            throw new LedgerException(reason, text);
        }

        var wait = timeout ?? options.CallTimeout;
        if (wait == Timeout.InfiniteTimeSpan)
        {
            wait = WaitMax;
        }

        if (wait <= TimeSpan.Zero)
        {
            throw CallFailures.DeadlineExpired();
        }

        var deadline = clock.GetUtcNow() + (wait < WaitMax ? wait : WaitMax);
        calls.Admit(count);
        return new AdmittedCall(calls, count, new CallEnd(deadline, cancellationToken));
    }

    /// <summary>Says when a call with a timeout must be over, as every call does.</summary>
    /// <param name="timeout">The timeout; null for the default of the ledger.</param>
    /// <exception cref="LedgerException">See <see cref="Begin"/>.</exception>
    public DateTimeOffset DeadlineOf(TimeSpan? timeout)
    {
        using var call = Begin(1, timeout, CancellationToken.None);
        return call.End.Deadline;
    }

    /// <summary>Sends a request that has an id until there is an answer or the deadline: what is idempotent may be sent
    /// again, so an account that goes to sleep or moves costs its callers a pause and no failure.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">Makes the request.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <param name="retryOverload">Whether overload is retried. It is only where the caller asked for many things at
    /// once, of which some may be done already.</param>
    /// <param name="mark">The history of the database that the request tells of; null where it tells of none.</param>
    public Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, CallEnd end, bool retryOverload,
        DatabaseMark? mark = null) =>
        AskAsync(account, message, end, retryOverload, hasId: true, mark);

    /// <summary>Sends a request that changes something and has no id. It is sent once, and again only where the first
    /// certainly was not begun with: a second copy could arrive after somebody else's later change, and undo it (I10).
    /// Were the account to remember such calls, it would have to journal also those that change nothing, for its next
    /// home.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">Makes the request.</param>
    /// <param name="end">When to stop waiting.</param>
    public Task<AccountResponse> AskOnceAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, CallEnd end) =>
        AskAsync(account, message, end, retryOverload: false, hasId: false, mark: null);

    /// <summary>Waits for one of a few places, which the caller gives back.</summary>
    /// <param name="places">The places.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <exception cref="LedgerException">None was free in time.</exception>
    public async Task EnterAsync(SemaphoreSlim places, CallEnd end)
    {
        var left = end.Deadline - clock.GetUtcNow();
        if (!await places.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, end.CancellationToken))
        {
            throw CallFailures.Of(TimedOut.Instance, isRead: true);
        }
    }

    /// <summary>Reads from storage.</summary>
    /// <param name="read">Reads.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <exception cref="LedgerException">It can't be read now, or may not be told yet.</exception>
    public async Task<T> ReadAsync<T>(Func<CancellationToken, Task<T>> read, CallEnd end)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(end.CancellationToken);
        var left = end.Deadline - clock.GetUtcNow();
        timer.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1));
        try
        {
            var found = await read(timer.Token);
            return IsConfirmed() ? found : throw new LedgerException(
                LedgerErrorReason.JournalUnavailable,
                "The database has failed over, or was started anew; it is read again in a moment.");
        }
        catch (OperationCanceledException) when (!end.CancellationToken.IsCancellationRequested)
        {
            throw CallFailures.Of(TimedOut.Instance, isRead: true);
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException or TimeoutException)
        {
            throw new LedgerException(LedgerErrorReason.JournalUnavailable, "The journal can't be read now.");
        }
    }

    private async Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, CallEnd end, bool retryOverload,
        bool hasId, DatabaseMark? mark)
    {
        var (deadline, cancellationToken) = end;
        var until = LedgerTime.From(deadline);
        var region = accounts.IsCompletedSuccessfully ? accounts.Result : await StartedAsync(end);
        var pause = RetryPause;
        var isUnknown = false;
        while (true)
        {
            // A part of a call of many may only come to be asked when nobody waits for it any more.
            cancellationToken.ThrowIfCancellationRequested();
            var call = calls.Start(deadline, cancellationToken);
            var envelope = new AccountEnvelope(account, message(new ReplyTarget(calls, call.Correlation), until))
            {
                Mark = mark,
            };
            if (options.Mode == LedgerExecutionMode.Clustered && hasId)
            {
                // A node that dies takes calls and answers with it that nobody else knows of.
                call.SendAgain(() => region.Tell(envelope, ActorRefs.NoSender), clock.GetUtcNow());
            }

            region.Tell(envelope, ActorRefs.NoSender);
            var answer = await call.Promise.Task;
            isUnknown |= call.WasSentAgain;
            if (answer is not RequestFailed(var failure))
            {
                return answer;
            }

            if (isUnknown && CallFailures.IsRefused(failure))
            {
                // "Nothing was applied" is true of this attempt, and need not be of the one before it.
                answer = new RequestFailed(RequestFailure.Relocating);
            }

            isUnknown |= failure == RequestFailure.Relocating;
            if (!(failure == RequestFailure.NotBegun || (failure == RequestFailure.Relocating && hasId)
                || (failure == RequestFailure.Overloaded && retryOverload)) || calls.IsDisposed
                || clock.GetUtcNow() + pause >= deadline)
            {
                return answer;
            }

            await Task.Delay(pause, clock, cancellationToken);
            pause = pause * 2 < RetryPauseMax ? pause * 2 : RetryPauseMax;
        }
    }

    private async Task<IActorRef> StartedAsync(CallEnd end)
    {
        try
        {
            return await accounts.WaitAsync(end.Deadline - clock.GetUtcNow(), clock, end.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new LedgerException(
                LedgerErrorReason.Overloaded, "The ledger has not started yet. Retry after a pause.");
        }
    }
}
