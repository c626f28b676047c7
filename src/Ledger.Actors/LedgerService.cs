using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Actors.HoldExpiry;
using Ledger.Actors.Telemetry;
using Ledger.Core;

namespace Ledger.Actors;

/// <summary><see cref="ILedger"/> over the accounts of this node or cluster.</summary>
internal sealed partial class LedgerService(
    LedgerOptions options, TimeProvider clock, PendingCalls calls, AccountStreamReader reader, Task<IActorRef> accounts,
    HoldLocator holds, Func<IActorRef?> holdExpiry, PositionText positions, string principal = "", RecentTransfers? remembered = null,
    bool returnBalances = false) : ILedger
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan WaitMax = TimeSpan.FromDays(1);
    private static readonly TimeSpan RetryPauseMax = TimeSpan.FromMilliseconds(500);

    /// <summary>Why this process may never answer again; null while it may.</summary>
    public Func<(LedgerErrorReason Reason, string Text)?> Ended { get; init; } = static () => null;

    /// <summary>Whether what the database says may be told: after it has changed, others may know of rows that it lacks
    /// (R19 b).</summary>
    public Func<bool> IsConfirmed { get; init; } = static () => true;

    /// <summary>Where answered transfers are counted; null for nowhere.</summary>
    public NodeMetrics? Metrics { get; init; }

    public ILedger WithCaller(string principal) => Principals.Check(principal) is { } problem
        ? throw new LedgerException(LedgerErrorReason.InvalidArgument, $"The principal {problem}.", "principal")
        : new LedgerService(
            options, clock, calls, reader, accounts, holds, holdExpiry, positions, principal, recent, returnBalances)
        {
            Ended = Ended, IsConfirmed = IsConfirmed, Metrics = Metrics, Index = Index,
        };

    public ILedger ReturningBalances() => new LedgerService(
        options, clock, calls, reader, accounts, holds, holdExpiry, positions, principal, recent, returnBalances: true)
    {
        Ended = Ended, IsConfirmed = IsConfirmed, Metrics = Metrics, Index = Index,
    };

    public string PositionOf(RowPosition position) => positions.Write(position);

    /// <summary>The epoch that runs.</summary>
    internal long Epoch => positions.Epoch;

    public async Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        // A copy: the caller may do with its list what it likes meanwhile.
        accounts = [.. accounts];
        CheckBatch(accounts.Count, "accounts");
        for (var i = 0; i < accounts.Count; i++)
        {
            Check(accounts[i].Reference, accounts[i].Metadata, "accounts", i);
        }

        var deadline = Begin(accounts.Count, timeout);
        try
        {
            var results = new OpenAccountResult[accounts.Count];
            var answers = new Task<AccountResponse>?[accounts.Count];
            for (var i = 0; i < results.Length; i++)
            {
                var spec = accounts[i];
                var shape = AccountDecider.CheckShape(spec);
                if (shape == AccountStatus.None)
                {
                    answers[i] = AskAsync(
                        spec.Address,
                        (caller, until) => new OpenAccountRequest(spec, caller, until) { Principal = principal }, deadline,
                        results.Length > 1, cancellationToken);
                }
                else
                {
                    results[i] = new OpenAccountResult(spec.Address, shape, default);
                }
            }

            await CollectAsync(answers, (i, answer) => results[i] = ((OpenAccountResponse)answer).Result);
            return results;
        }
        finally
        {
            calls.Leave(accounts.Count);
        }
    }

    public async Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Check(transfer, null, 0);
        var deadline = Begin(1, timeout);
        try
        {
            var result = await PostAsync(transfer, deadline, false, cancellationToken);
            Count(transfer, result);
            return result;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        transfers = [.. transfers];
        CheckBatch(transfers.Count, "transfers");
        CheckReturned(transfers.Count, "transfers");
        for (var i = 0; i < transfers.Count; i++)
        {
            Check(transfers[i], "transfers", i);
        }

        var deadline = Begin(transfers.Count, timeout);
        try
        {
            var results = new Task<TransferResult>[transfers.Count];
            for (var i = 0; i < results.Length; i++)
            {
                results[i] = PostAsync(transfers[i], deadline, results.Length > 1, cancellationToken);
            }

            try
            {
                return await AllAsync(results);
            }
            finally
            {
                Count(transfers, results);
            }
        }
        finally
        {
            calls.Leave(transfers.Count);
        }
    }

    public async Task<AccountView?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RequireAddress(query.Account, "address");
        var deadline = Begin(1, timeout);
        try
        {
            var answer = await AskAsync(
                query.Account, static (caller, until) => new GetAccountRequest(caller, until), deadline, true, cancellationToken);
            var view = answer is GetAccountResponse(var read) ? read : throw Failed(answer, isRead: true);
            return view?.Doubt is { } doubt && !query.AllowInDoubt ? throw InDoubt(doubt) : view;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var deadline = Begin(1, timeout);
        try
        {
            return await FindAsync(new TransferKey(account, id), deadline, cancellationToken);
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RequireAddress(query.Account, "account");
        RequireLimit(query.Limit);
        var deadline = Begin(1, timeout);
        try
        {
            // Before anything is read: what a new epoch finds is not told under the old one.
            var epoch = Epoch;
            var answer = await AskAsync(
                query.Account, static (caller, until) => new FlushRequest(caller, until), deadline, true,
                cancellationToken);
            if (answer is not FlushResponse fence)
            {
                throw Failed(answer, isRead: true);
            }

            return fence.Exists
                ? (await ReadAsync(token => reader.ReadPageAsync(query, fence, token), deadline, cancellationToken)) with
                {
                    CompleteUpTo = fence.CompleteUpTo, Epoch = epoch,
                }
                : null;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<AccountPage> ListAccountsAsync(
        string? after, int limit, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RequireLimit(limit);
        var deadline = Begin(limit, timeout);
        try
        {
            var epoch = Epoch;
            var prefix = AccountActor.PersistenceIdPrefix;
            var ids = await ReadAsync(
                token => reader.Streams.ListStreamsAsync(prefix, after is null ? null : prefix + after, limit, token),
                deadline, cancellationToken);
            var answers = new Task<AccountResponse>?[ids.Count];
            for (var i = 0; i < answers.Length; i++)
            {
                if (!AccountAddress.TryParse(ids[i][prefix.Length..], out var address))
                {
                    continue; // A stream of somebody else's.
                }

                answers[i] = AskForListAsync(address, deadline, cancellationToken);
            }

            var views = new List<AccountView>(ids.Count);
            var size = EncodedSize.Row;
            var taken = ids.Count;
            await CollectAsync(answers, (i, answer) =>
            {
                // A stream that holds nothing but rejections is not an account.
                if (i < taken && ((GetAccountResponse)answer).View is { } view)
                {
                    size += EncodedSize.OfAccount(view);
                    if (size > LedgerSizes.AnswerMax && views.Count > 0)
                    {
                        taken = i;
                        return;
                    }

                    views.Add(view);
                }
            });
            return new AccountPage(views, taken == limit || taken < ids.Count ? ids[taken - 1][prefix.Length..] : null)
            {
                Epoch = epoch,
            };
        }
        finally
        {
            calls.Leave(limit);
        }
    }

    // ---------------------------------------------------------------- metrics

    private void Count(Transfer transfer, TransferResult result)
    {
        if (Metrics is { CountsTransfers: true } metrics)
        {
            metrics.Answered(transfer, result.Status, result.Replayed);
        }
    }

    // Where some failed, the caller learns nothing of the others; they are decided all the same.
    private void Count(IReadOnlyList<Transfer> transfers, Task<TransferResult>[] results)
    {
        if (Metrics is not { CountsTransfers: true })
        {
            return;
        }

        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] is { IsCompletedSuccessfully: true } decided)
            {
                Count(transfers[i], decided.Result);
            }
        }
    }

    private void Count(Transaction transaction, TransactionResult result)
    {
        if (Metrics is not { CountsTransfers: true } metrics)
        {
            return;
        }

        for (var i = 0; i < transaction.Legs.Length && i < result.Legs.Length; i++)
        {
            if (transaction.Legs[i].Transfer is { } transfer)
            {
                metrics.Answered(transfer, result.Legs[i].Transfer, result.Replayed);
            }
        }
    }

    // ---------------------------------------------------------------- calls

    private DateTimeOffset Begin(int count, TimeSpan? timeout)
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
            throw new LedgerException(
                LedgerErrorReason.DeadlineExpired, "The deadline had passed before anything was done.");
        }

        var deadline = clock.GetUtcNow() + (wait < WaitMax ? wait : WaitMax);
        calls.Admit(count);
        return deadline;
    }

    // Sends until there is an answer or the deadline: what is idempotent may be sent again, so an account that goes to
    // sleep or moves costs its callers a pause and no failure. Overload is retried only where the caller asked for many
    // things at once, of which some may be done already.
    private Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, DateTimeOffset deadline,
        bool retryOverload, CancellationToken cancellationToken) =>
        AskAsync(account, message, deadline, retryOverload, hasId: true, cancellationToken);

    // What changes something and has no id is sent once, and again only where the first certainly was not begun with: a
    // second copy could arrive after somebody else's later change, and undo it (I10). Were the account to remember such
    // calls, it would have to journal also those that change nothing, for its next home.
    private Task<AccountResponse> AskOnceAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, DateTimeOffset deadline,
        CancellationToken cancellationToken) =>
        AskAsync(account, message, deadline, retryOverload: false, hasId: false, cancellationToken);

    private async Task<AccountResponse> AskAsync(
        AccountAddress account, Func<ReplyTarget, LedgerTime, AccountMessage> message, DateTimeOffset deadline,
        bool retryOverload, bool hasId, CancellationToken cancellationToken, DatabaseMark? mark = null)
    {
        var until = LedgerTime.From(deadline);
        var region = accounts.IsCompletedSuccessfully ? accounts.Result : await StartedAsync(deadline, cancellationToken);
        var pause = RetryPause;
        var isUnknown = false;
        while (true)
        {
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

            if (isUnknown && IsRefused(failure))
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

    private async Task<IActorRef> StartedAsync(DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        try
        {
            return await accounts.WaitAsync(
                deadline - clock.GetUtcNow(), clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new LedgerException(LedgerErrorReason.Overloaded, "The ledger has not started yet. Retry after a pause.");
        }
    }

    private async Task<T> ReadAsync<T>(
        Func<CancellationToken, Task<T>> read, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = deadline - clock.GetUtcNow();
        timer.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1));
        try
        {
            var found = await read(timer.Token);
            return IsConfirmed() ? found : throw new LedgerException(
                LedgerErrorReason.JournalUnavailable, "The database has failed over, or was started anew; it is read again in a moment.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed(TimedOut.Instance, isRead: true);
        }
        catch (Exception e) when (e is System.Data.Common.DbException or IOException or TimeoutException)
        {
            throw new LedgerException(LedgerErrorReason.JournalUnavailable, "The journal can't be read now.");
        }
    }

    // Waits for all of them, so that nothing of the request is under way when it is answered.
    private static async Task<T[]> AllAsync<T>(Task<T>[] items)
    {
        Exception? thrown = null;
        LedgerException? failure = null;
        var allExpired = true;
        for (var i = 0; i < items.Length; i++)
        {
            try
            {
                await items[i];
                allExpired = false;
            }
            catch (LedgerException e)
            {
                failure ??= e;
                allExpired &= e.Reason == LedgerErrorReason.DeadlineExpired;
            }
            catch (Exception e)
            {
                thrown ??= e;
            }
        }

        if (thrown is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        }

        if (failure is not null)
        {
            // "Nothing was applied" may be said only when it is true of every item.
            throw IsRefused(failure.Reason) && !allExpired && items.Length > 1
                ? new LedgerException(LedgerErrorReason.Unavailable, "Some items have no outcome yet. Send them again.")
                : failure;
        }

        return [.. items.Select(static item => item.Result)];
    }

    private static async Task CollectAsync(Task<AccountResponse>?[] answers, Action<int, AccountResponse> take)
    {
        AccountResponse? failure = null;
        var allExpired = true;
        Exception? thrown = null;
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i] is not { } pending)
            {
                continue;
            }

            try
            {
                var answer = await pending;
                if (answer is RequestFailed or TimedOut)
                {
                    failure ??= answer;
                    allExpired &= answer is RequestFailed(RequestFailure.DeadlineExpired);
                }
                else
                {
                    allExpired = false;
                    take(i, answer);
                }
            }
            catch (Exception e)
            {
                thrown ??= e;
            }
        }

        if (thrown is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        }

        if (failure is not null)
        {
            // "Nothing was applied" may be said only when it is true of every item.
            throw failure is RequestFailed { Reason: var reason } && IsRefused(reason) && !allExpired
                ? new LedgerException(LedgerErrorReason.Unavailable, "Some items have no outcome yet. Send them again.")
                : Failed(failure);
        }
    }

    private static LedgerException Failed(AccountResponse answer, bool isRead = false) => answer switch
    {
        RequestFailed { Reason: RequestFailure.TransactionTooLarge } failed => TooLarge(failed.Size, failed.Limit),
        RequestFailed { Reason: RequestFailure.MessageTooLarge } failed => new LedgerException(
            LedgerErrorReason.MessageTooLarge,
            $"The request has {failed.Size} bytes on its way to the account; at most {failed.Limit} are sent. Nothing was applied: ask for less.")
        {
            Size = failed.Size, Limit = failed.Limit,
        },
        RequestFailed { Reason: RequestFailure.AnswerTooLarge } failed => new LedgerException(
            LedgerErrorReason.AnswerTooLarge,
            $"The account's answer has {failed.Size} bytes; at most {failed.Limit} are sent. The outcome is unknown: look it up by its parts.")
        {
            Size = failed.Size, Limit = failed.Limit,
        },
        TimedOut => new LedgerException(
            LedgerErrorReason.DeadlineExceeded,
            isRead ? "No answer came within the deadline." : "No answer came within the deadline; the outcome is unknown."),
        RequestFailed(RequestFailure.DeadlineExpired) => new LedgerException(
            LedgerErrorReason.DeadlineExpired, "The deadline had passed before anything was done."),
        RequestFailed(RequestFailure.Overloaded) => new LedgerException(
            LedgerErrorReason.Overloaded, "The account works on as many calls as it may. Retry after a pause."),
        RequestFailed(RequestFailure.JournalUnavailable) => new LedgerException(
            LedgerErrorReason.JournalUnavailable,
            isRead ? "The journal can't be read now." : "The journal could not confirm the write; the outcome is unknown."),
        RequestFailed(RequestFailure.DecisionFailed) => new LedgerException(
            LedgerErrorReason.DecisionFailed,
            "The account could not decide this, by a defect of the ledger; nothing was done. The node's log has it."),
        RequestFailed(RequestFailure.Relocating or RequestFailure.NotBegun) => new LedgerException(
            LedgerErrorReason.Unavailable, "The account is moving; the outcome is unknown."),
        RequestFailed(RequestFailure.AccountInDoubt) => new LedgerException(
            LedgerErrorReason.AccountInDoubt,
            "The answer depends on transactions that are in doubt on the account, or too many are. Nothing was done, and no id"
            + " was used. Retry after a pause."),
        RequestFailed(RequestFailure.CounterpartyUnavailable) => new LedgerException(
            LedgerErrorReason.CounterpartyUnavailable,
            "Another account of the transaction has left many others unanswered. Nothing was done, and no id was used. Retry"
            + " after a pause."),
        _ => throw new InvalidOperationException($"Unexpected answer {answer.GetType().Name}."),
    };

    // Whether a failure says that nothing was done.
    private static bool IsRefused(RequestFailure failure) => failure is RequestFailure.Overloaded or RequestFailure.DeadlineExpired
        or RequestFailure.AccountInDoubt or RequestFailure.CounterpartyUnavailable or RequestFailure.DecisionFailed;

    private static bool IsRefused(LedgerErrorReason reason) => reason is LedgerErrorReason.Overloaded
        or LedgerErrorReason.DeadlineExpired or LedgerErrorReason.AccountInDoubt or LedgerErrorReason.CounterpartyUnavailable
        or LedgerErrorReason.DecisionFailed;

    // One whose very opening is in doubt is not there yet: it must not keep a page from being listed.
    private async Task<AccountResponse> AskForListAsync(
        AccountAddress account, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(
            account, static (caller, until) => new GetAccountRequest(caller, until), deadline, true, cancellationToken);
        return answer is RequestFailed(RequestFailure.AccountInDoubt) ? new GetAccountResponse(null) : answer;
    }

    private static LedgerException InDoubt(AccountDoubt doubt) => new(
        LedgerErrorReason.AccountInDoubt,
        $"{doubt.Count} {(doubt.Count == 1 ? "transaction is" : "transactions are")} in doubt on the account, the oldest since"
        + $" {doubt.Transactions[0].Since.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss.fff}Z, so that its balances are not final.");

    // ---------------------------------------------------------------- requests

    // An answer grows by some hundred bytes for each account.
    private void CheckReturned(int count, string field)
    {
        if (returnBalances && count > LedgerLimits.ReturnedBalancesMax)
        {
            throw new LedgerException(
                LedgerErrorReason.BatchTooLarge,
                $"The request holds {count} {field}; at most {LedgerLimits.ReturnedBalancesMax} are allowed with balances returned.",
                field);
        }
    }

    private static void CheckBatch(int count, string field)
    {
        if (count == 0)
        {
            throw new LedgerException(LedgerErrorReason.EmptyBatch, $"The request holds no {field}.", field);
        }

        if (count > LedgerLimits.BatchMax)
        {
            throw new LedgerException(
                LedgerErrorReason.BatchTooLarge,
                $"The request holds {count} {field}; at most {LedgerLimits.BatchMax} are allowed.", field);
        }
    }

    private static void Check(string reference, Metadata metadata, string? list, int index, string? field = null)
    {
        if (reference.Length > LedgerLimits.ReferenceLengthMax)
        {
            throw new LedgerException(
                LedgerErrorReason.ReferenceTooLong,
                $"The reference has {reference.Length} characters; at most {LedgerLimits.ReferenceLengthMax} are allowed.",
                Field("reference"));
        }

        if (!LedgerLimits.IsWellFormed(reference))
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, "The reference holds half of a surrogate pair, which is no character.",
                Field("reference"));
        }

        if (LedgerLimits.Check(metadata) is { } problem)
        {
            throw new LedgerException(
                LedgerErrorReason.MetadataTooLarge, $"The metadata {problem}.", Field("metadata"));
        }

        string Field(string name) => field ?? (list is null ? name : $"{list}[{index}].{name}");
    }

    private static void RequireAddress(AccountAddress address, string field)
    {
        if (address.IsNone)
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "The address is empty.", field);
        }
    }

    private static void RequireLimit(int limit)
    {
        if (limit is < 1 or > LedgerLimits.PageSizeMax)
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, $"The limit is {limit}; 1 to {LedgerLimits.PageSizeMax} are allowed.",
                "limit");
        }
    }
}
