namespace Ledger.Core;

/// <summary>
/// One account, as a state machine: the protocol, group commit and the order in which things may leave. The same code
/// runs under the actor and under the simulator.
/// </summary>
/// <remarks>
/// A transaction has a coordinator, the debit account of its first transfer, which the client's call comes to; a last
/// agent, the last other account; and participants, all between. A transfer alone has no participants.
/// <code>
///   coordinator:   (asked) --id or hold not in memory--> looking up --> (asked)
///             (asked) --depends on something in doubt--> waiting --> (asked)
///             (asked) --amounts depend on others, or a refusal that they may outrank--> dry running --reports--> (asked)
///             (asked) --a leg fails--> rejected                       [TransactionRejected]
///             (asked) --all legs can be--> voting                     [TransactionPrepared]   without participants: committing
///             voting  --every participant has voted yes--> committing;  --one has not--> cancelling
///             committing, cancelling --CommitResponse, committed--> notifying --acknowledged by all--> done  [TransactionCommitted, lazy]
///             committing, cancelling --CommitResponse, refused--> releasing [TransactionAborted] --acknowledged--> rejected
///             ... refused because something was in doubt --> (asked), under a new attempt
///   others:   (unknown) --PrepareRequest--> reserved [TransactionPrepared] --Outcome--> [TransactionCommitted|TransactionAborted]
///   last agent:   (unknown) --CommitRequest--> committed [LastAgentCommitted]: this write is the commit
///             (unknown) --CommitRequest, can't be, or cancel--> refused [LastAgentRefused]
///             can't be asked --an operator's verdict, written for it--> refused [LastAgentRefused] (R20, <see
/// cref="OperatorAbort"/>)
///             known     --CommitRequest, same attempt--> the same answer, for ever
/// </code>
/// Rules kept here, by number:
/// R1 only a CommitResponse, which leaves the last agent when its row is durable (R8), ends what is prepared. R2
/// <see cref="DecideOutcome"/>. R3 recovery asks the last agent again. R4, R6 <see cref="Route"/> asks memory, then the
/// journal, once at a time, and copies join. R5 what is prepared is never evicted, and asked about with backoff for
/// ever. R7 digests. R8 <see cref="GroupCommit"/>. R10 <see cref="ReadBarrier"/>, and
/// <see cref="AccountState.FavourOf"/> for refusals (R20). R11 the hold's id is claimed. R12 <see cref="HoldExpiry"/>.
/// R13 <see cref="AccountWorkingCopy"/>. R14 the dry run resolves every amount before anything is journaled, and
/// everybody verifies it. R15 <see cref="SelectRejection"/> and the dry run. R16 unknown is the caller's, who sends the
/// same id again. Who waits holds nothing: a client's call waits for what is in doubt before it has journaled anything,
/// and a request of another account is answered "in doubt" at once, whereupon its coordinator gives the attempt up. So
/// nothing deadlocks. Not thread-safe.
/// </remarks>
internal sealed partial class AccountMachine
{
    private const int ReportsExactMax = 5;

    private readonly IAccountHost host;
    private readonly AccountMachineOptions options;
    private readonly AccountState state;
    private readonly OpenRequests requests = new();
    private readonly PreparedOrder prepared;
    private readonly GroupCommit rows;
    private readonly AccountTime clock;
    private readonly FutureRequests future;
    private readonly OperationTable operations = new();
    private readonly ReadBarrier barrier;
    private readonly OwnRequests own;
    private readonly DoubtLimit limit;
    private readonly HoldExpiry expiry;

    // One for all accounts of a thread: it serves one decision, and that ends before another begins.
    [ThreadStatic]
    private static AccountWorkingCopy? workingCopyOfThread;


    private LedgerTime lastNow;
    private long round;
    private long deferredRunAt;
    private long lookupCount;
    private bool failed;

    /// <summary>Makes an account that has not recovered yet.</summary>
    /// <param name="address">The account.</param>
    /// <param name="options">The settings.</param>
    /// <param name="host">The world.</param>
    public AccountMachine(AccountAddress address, AccountMachineOptions options, IAccountHost host)
    {
        this.options = options;
        this.host = host;
        state = new AccountState(address, options.IdempotencyWindowMax, options.IdempotencyAgeMax);
        prepared = new PreparedOrder(state);
        rows = new GroupCommit(state, prepared, options, host, requests);
        clock = new AccountTime(state, options);
        future = new FutureRequests(host);
        barrier = new ReadBarrier(prepared, options, host);
        own = new OwnRequests(state, clock, rows, prepared, barrier);
        limit = new DoubtLimit(address, prepared, operations, options);
        expiry = new HoldExpiry(state, clock, operations, options, host);
    }

    /// <summary>The state, including what is decided and not yet durable. To be read only.</summary>
    public AccountState State => state;

    /// <summary>The last row that is durable.</summary>
    public long DurableSequenceNr => rows.DurableRow;

    /// <summary>Whether something is unfinished, so that the account must stay awake (R5).</summary>
    public bool IsBusy => requests.Count > 0 || operations.HasAny || HasUnwritten || rows.HasResting;

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => rows.HasUnwritten;

    /// <summary>How many requests and votes of other accounts were dropped because their time stayed too far ahead of
    /// this node's (T6 of R21). Either this node's clock is behind, or another's is ahead.</summary>
    public long DroppedAhead => future.Dropped;

    /// <summary>How far the account is ahead of the node's time, see <see cref="AccountTime.AheadBy"/>.</summary>
    /// <param name="now">The time.</param>
    public TimeSpan AheadBy(LedgerTime now) => clock.AheadBy(now);

    /// <summary>Whether transactions are in doubt.</summary>
    public bool HasInDoubt => state.InDoubtCount > 0;

    /// <summary>The oldest transaction in doubt; null for none.</summary>
    public InDoubtTransaction? OldestInDoubt => prepared.Oldest;

    private static AccountWorkingCopy WorkingCopy => workingCopyOfThread ??= new AccountWorkingCopy();

    private AccountAddress Address => state.Address;

    // ---------------------------------------------------------------- recovery

    /// <summary>Starts recovery from a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public void Restore(AccountSnapshot snapshot)
    {
        state.Restore(snapshot);
        rows.Restored(snapshot.SequenceNr);
    }

    /// <summary>Folds one row of the journal.</summary>
    /// <param name="batch">The row.</param>
    /// <exception cref="LedgerInvariantException">The row does not follow the one before (I8).</exception>
    public void Replay(EventBatch batch)
    {
        if (batch.SequenceNr != DurableSequenceNr + 1)
        {
            throw new LedgerInvariantException(
                $"{state.Address}: row {batch.SequenceNr} follows row {DurableSequenceNr}");
        }

        if (batch.IsVerdict)
        {
            if (batch.Events is not [LastAgentRefused { Verdict: not null }])
            {
                throw new LedgerInvariantException(
                    $"{state.Address}: R20: row {batch.SequenceNr} was not written by the account, and is no verdict");
            }
        }
        else if (batch.IsBehindUnread || batch.EntriesBefore != state.EntryCount || batch.Before != state.Balances)
        {
            throw new LedgerInvariantException(
                $"{state.Address}: I8: row {batch.SequenceNr} was written on another state than its replay gives");
        }

        state.IsReplaying = true;
        foreach (var happened in batch.Events)
        {
            state.Evolve(happened, batch.SequenceNr);
        }

        rows.Replayed(batch);
    }

    /// <summary>Ends recovery: everything in doubt is taken up again, by the coordinator through the last agent (R3),
    /// elsewhere by asking the coordinator.</summary>
    /// <param name="now">The time.</param>
    public void RecoveryCompleted(LedgerTime now)
    {
        // Whoever prepared them may have answered already.
        state.MarkInherited();
        foreach (var doubt in state.InDoubtInOrder())
        {
            // Whatever it was before, it is asked about now.
            var operation = new Operation(null) { Branch = doubt.Branch with { CoordinatorAsset = CoordinatorAssetOf(doubt.Branch) }, Since = now };
            operations.Claim(operation, OperationIds.Of(doubt.Branch, Address));
            operations.AddAttempt(doubt.Branch.Key, operation);
            prepared.Add(doubt.Number, doubt.Branch.Key);
            if (doubt.Branch.Coordinator == Address)
            {
                StartVoting(operation, now);
            }
            else
            {
                operation.Phase = OperationPhase.Reserved;
                host.Send(doubt.Branch.Coordinator, new OutcomeRequest(doubt.Branch, Address));
                ScheduleResend(operation, now);
            }
        }

        CheckDue(now);
        RunDeferred(now);
    }

    // ---------------------------------------------------------------- inputs

    /// <summary>Takes a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    /// <param name="ticket">The row of its sender that it rests on, which may not be durable yet; null where it rests on
    /// nothing that is not. One that rests on a row which failed is dropped (G2).</param>
    public void Handle(AccountMessage message, LedgerTime now, WriteTicket? ticket = null)
    {
        lastNow = now;
        if (ticket is not null && !rows.TryRestOn(ticket))
        {
            return;
        }

        if (message is AccountRequest call && !Admit(call, now))
        {
            return;
        }

        if (expiry.IsAnyDue(now))
        {
            CheckDue(now);
        }

        var before = rows.Changes;
        try
        {
            DispatchRequest(message, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(message, e, now);
        }

        RunDeferred(now);
    }

    private void DispatchRequest(AccountMessage message, LedgerTime now)
    {
        switch (message)
        {
            case PostTransferRequest or PostTransactionRequest or GetTransferRequest or GetTransactionRequest or ExtendHoldRequest
                or PrepareRequest or CommitRequest or DryRunRequest or OutcomeRequest:
                Route(message, now);
                break;
            case Vote vote:
                OnVote(vote, now);
                break;
            case CommitResponse answer:
                OnCommitResponse(answer, now);
                break;
            case DryRunResponse answer:
                OnDryRunResponse(answer, now);
                break;
            case Outcome outcome:
                OnOutcome(outcome, now);
                break;
            case OutcomeAck ack:
                OnAcknowledged(ack, now);
                break;
            case OpenAccountRequest or ChangeAccountRequest:
                own.Decide((AccountRequest)message, ReadBarrier.CommandUntil((AccountRequest)message, now), now);
                break;
            case GetAccountRequest or FlushRequest or ListHoldsRequest:
                if (!own.TryWait((AccountRequest)message, now))
                {
                    DecideRead((AccountRequest)message, LedgerTime.MaxValue, now);
                }

                break;
            case ResolveInDoubtRequest resolve:
                Resolve(resolve, now);
                break;
            case SeedBalancesRequest seed when options.AllowSeeding:
                own.Seed(seed, now);
                break;
            case Activate:
                break;
            default:
                throw new LedgerInvariantException($"{Address}: unknown message {message.GetType().Name}");
        }
    }

    /// <summary>The row that was being written is durable: what waited for it leaves.</summary>
    /// <param name="now">The time.</param>
    public void WriteSucceeded(LedgerTime now) => rows.WriteSucceeded();

    /// <summary>What this account waited for is decided, and no row of its own tells (see
    /// <see cref="IAccountHost.Watch"/>).</summary>
    /// <returns>Whether the account may go on. If not, it rests on what is not known to be durable, and must end
    /// (<see cref="Fail"/>), whether it has written anything or not (G6).</returns>
    public bool TicketDecided() => rows.TicketDecided();

    /// <summary>A write failed, or the account must stop: every caller learns that its outcome is unknown, and nothing
    /// that was decided since the last durable row may be used (R8). The runtime is dead afterwards.</summary>
    /// <param name="reason">What the callers are told.</param>
    public void Fail(RequestFailure reason)
    {
        if (failed)
        {
            return;
        }

        failed = true;
        var failure = new RequestFailed(reason);

        // What has no id must not be repeated where it may have been done (I10): so it matters what certainly was not.
        var notBegun = reason == RequestFailure.Relocating ? new RequestFailed(RequestFailure.NotBegun) : failure;
        rows.Fail(failure);
        foreach (var operation in operations.All)
        {
            foreach (var waiter in operation.Waiters)
            {
                if (waiter is AccountRequest call)
                {
                    host.Reply(call.ReplyTo, operation.Branch is null ? notBegun : failure);
                }
            }
        }

        foreach (var reader in barrier.Readers)
        {
            host.Reply(reader.ReplyTo, notBegun);
        }
    }

    /// <summary>The journal has answered a look-up.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="found">What it holds; null when it never saw the id.</param>
    /// <param name="now">The time.</param>
    public void LookupCompleted(IdLookup lookup, IdHistory? found, LedgerTime now)
    {
        var id = lookup.Id;
        RunDeferredWhileClaimed(lookup, found, failed: false);
        if (!operations.TryFind(id, out var operation) || operation.Phase != OperationPhase.LookingUp
            || lookup.Number < operation.FirstLookup || lookup.Number > operation.LastLookup || operation.Known is null || !operation.Known.TryAdd(id, found) || --operation.Missing > 0)
        {
            return;
        }

        Continue(operation, now);
        RunDeferred(now);
    }

    /// <summary>The journal could not be asked: the callers' outcome is unknown, and other accounts will ask
    /// again.</summary>
    /// <param name="lookup">The question.</param>
    public void LookupFailed(IdLookup lookup)
    {
        RunDeferredWhileClaimed(lookup, null, failed: true);

        // What was claimed may be a hold that has become due.
        expiry.ArmAfterFailedLookup(lastNow);
        if (!operations.TryFind(lookup.Id, out var operation) || operation.Phase != OperationPhase.LookingUp
            || lookup.Number < operation.FirstLookup || lookup.Number > operation.LastLookup)
        {
            return;
        }

        operations.Unclaim(operation);
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is AccountRequest call)
            {
                rows.SendNow(call.ReplyTo, new RequestFailed(RequestFailure.JournalUnavailable));
            }
        }
    }

    /// <summary>Time has passed: what is late is written or sent again, and what is due expires.</summary>
    /// <param name="now">The time.</param>
    public void Tick(LedgerTime now)
    {
        lastNow = now;
        expiry.Disarm();
        rows.RecordLateCommits(now);
        ForgetExpired(now);
        RouteAgain(future.TakeRipe(now), now);
        List<Operation>? due = null;
        foreach (var operation in operations.All)
        {
            if (operation.Phase != OperationPhase.LookingUp
                && (Backoff.IsDue(operation.ResendAt, now, options.ResendAfterMax) || operation.Phase is OperationPhase.Waiting or OperationPhase.DryRunning
                    || (operation.Phase == OperationPhase.Releasing && Backoff.IsDue(operation.AnswerBy, now, options.ReleaseWait))))
            {
                (due ??= []).Add(operation);
            }
        }

        foreach (var operation in due ?? [])
        {
            if (operation.IsClaimed)
            {
                ResumeNowOrLater(operation, now);
            }
        }

        CheckDue(now);
        ReleaseLateReaders(now);
        WakeForTheNext();
        RunDeferred(now);
    }

    /// <summary>Makes what may still be lazy be written now, before the account goes to sleep.</summary>
    public void Flush() => rows.Flush();

    private void ResumeNowOrLater(Operation operation, LedgerTime now)
    {
        var before = rows.Changes;
        try
        {
            Resume(operation, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            host.DecisionFailed(operation.Input, e);
            if (operation.IsClaimed)
            {
                ScheduleResend(operation, now);
            }
        }
    }

    // What is late, by its phase.
    private void Resume(Operation operation, LedgerTime now)
    {
        switch (operation.Phase)
        {
            case OperationPhase.DryRunning when !AnyoneWaits(operation, now):
            case OperationPhase.Waiting when !AnyoneWaits(operation, now):
                // Nothing was journaled, so the callers' outcome is unknown to them and "nothing" in truth. An expiry
                // that waits starts again by itself.
                operations.Unclaim(operation);
                foreach (var waiter in operation.Waiters)
                {
                    if (waiter is AccountRequest)
                    {
                        requests.End();
                    }
                }

                RouteAgain(operation.Waiters.Where(static waiter => waiter is not AccountRequest), now);
                break;
            case OperationPhase.Waiting when Backoff.IsDue(operation.ResendAt, now, options.RetryAfterMax):
                Begin(operation, now);
                break;
            case OperationPhase.DryRunning when Backoff.IsDue(operation.ResendAt, now, options.ResendAfterMax):
                foreach (var other in operation.OtherAccounts)
                {
                    if (!operation.Reports!.ContainsKey(other))
                    {
                        host.Send(other, new DryRunRequest(operation.Asked!.SliceFor(other), operation.Round));
                    }
                }

                ScheduleResend(operation, now);
                break;
            case OperationPhase.Voting:
                foreach (var other in operation.Participants)
                {
                    if (!operation.Votes!.ContainsKey(other))
                    {
                        rows.SendWhenDurable(other, new PrepareRequest(operation.Branch!.SliceFor(other)) { Time = clock.JudgedAt(now) });
                    }
                }

                ScheduleResend(operation, now);
                break;
            case OperationPhase.Committing:
                // Its own row may still be under way (R8).
                SendCommit(operation, now);
                break;
            case OperationPhase.Notifying or OperationPhase.Releasing:
                if (operation.Phase == OperationPhase.Releasing && Backoff.IsDue(operation.AnswerBy, now, options.ReleaseWait))
                {
                    // A participant that is not told asks.
                    FinishAbort(operation, now);
                    break;
                }

                if (Backoff.IsDue(operation.ResendAt, now, options.ResendAfterMax))
                {
                    NotifyParticipants(operation, now);
                }

                break;
            case OperationPhase.Reserved:
                rows.SendWhenDurable(operation.Branch!.Coordinator, new OutcomeRequest(operation.Branch, Address));
                ScheduleResend(operation, now);
                break;
            default:
                break;
        }
    }

    // Callers that have stopped waiting, for an outcome that may be long in coming, must not fill the account up.
    private void ForgetExpired(LedgerTime now) => DropRequests(call => call.Deadline < now, null);

    /// <summary>What the callers wait for is long in coming, and they can do better than to wait: each learns that its
    /// outcome is unknown. What is journaled goes on, and a copy of the call joins it (R6); what is not may be
    /// dropped.</summary>
    /// <param name="reason">What the callers are told.</param>
    public void GiveUpRequests(RequestFailure reason) => DropRequests(static _ => true, new RequestFailed(reason));

    // Without an answer, nobody is told. What is looked up goes on with its call, and the journal's answer ends it.
    private void DropRequests(Func<AccountRequest, bool> isDropped, RequestFailed? answer)
    {
        foreach (var operation in operations.All)
        {
            if (operation.Phase == OperationPhase.LookingUp)
            {
                continue;
            }

            for (var i = operation.Waiters.Count - 1; i >= 0; i--)
            {
                if (operation.Waiters[i] is AccountRequest call && isDropped(call))
                {
                    operation.Waiters.RemoveAt(i);
                    operation.HasFirst &= i > 0;
                    Drop(call);
                }
            }
        }

        foreach (var reader in barrier.Drop(isDropped))
        {
            Drop(reader);
        }

        void Drop(AccountRequest call)
        {
            requests.End();
            if (answer is not null)
            {
                host.Reply(call.ReplyTo, answer);
            }
        }
    }

    // ---------------------------------------------------------------- opening, changing and reading

    private bool Admit(AccountRequest call, LedgerTime now)
    {
        // Only before anything is decided: from there on the outcome is the transaction's own.
        if (now > call.Deadline)
        {
            host.Reply(call.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
            return false;
        }

        if (!requests.TryAdmit(options.RequestsMax))
        {
            host.Reply(call.ReplyTo, new RequestFailed(RequestFailure.Overloaded));
            return false;
        }

        return true;
    }

    private void DecideRead(AccountRequest call, LedgerTime until, LedgerTime now)
    {
        var before = rows.Changes;
        try
        {
            own.Decide(call, until, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(call, e, now);
        }
    }

    private void ReleaseReaders(LedgerTime now)
    {
        while (barrier.TryTake(out var call, out var until))
        {
            DecideRead(call, until, now);
        }
    }

    private void ReleaseLateReaders(LedgerTime now)
    {
        foreach (var (call, failure) in barrier.TakeLate(now))
        {
            if (failure is { } reason)
            {
                rows.SendWhenDurable(call.ReplyTo, new RequestFailed(reason));
            }
            else
            {
                own.DecideLate(call, now);
            }
        }
    }

    // ---------------------------------------------------------------- holds (R12)

    // The void is a transaction like any other, that nobody waits for.
    private void CheckDue(LedgerTime now)
    {
        var due = expiry.Due(now, out var displaced);
        foreach (var hold in due ?? [])
        {
            var asked = TransactionBranch.Of(
                HoldExpiry.VoidOf(hold), Address, state.Spec?.Asset ?? default, Principals.Expiry);
            var operation = new Operation(null, asked);
            operations.Claim(operation, OperationIds.Of(asked, Address));
            Begin(operation, now);
        }

        foreach (var owner in displaced ?? [])
        {
            RouteAgain(owner.Waiters, now);
        }
    }

    private void Extend(ExtendHoldRequest call, Dictionary<TransferId, IdHistory?>? known, LedgerTime now)
    {
        var context = WithHold(
            new LegContext(0), new Transfer(default, default, default, default, 0) { HoldId = call.HoldId }, known, null);
        LedgerTime? deadline = context.HoldProblem == TransferStatus.None && context.Deadline < LedgerTime.MaxValue
            ? context.Deadline
            : null;
        var status = context.HoldProblem != TransferStatus.None ? context.HoldProblem
            : context.Pending!.DebitAccount != Address ? TransferStatus.PendingTransferHasDifferentDebitAccountId
            : context.Deadline <= clock.JudgedAt(now) ? TransferStatus.PendingTransferExpired
            : call.HoldDeadline > LedgerLimits.HoldDeadlineMax ? TransferStatus.OverflowsTimeout
            : call.HoldDeadline == context.Deadline ? TransferStatus.Exists
            : TransferStatus.Created;
        var row = 0L;
        if (status == TransferStatus.Created)
        {
            deadline = call.HoldDeadline;
            row = rows.Append(
                new HoldExtended(call.HoldId, call.HoldDeadline, clock.BookedAt(now)) { Principal = call.Principal },
                urgent: true);
        }

        rows.SendWhenDurable(
            call.ReplyTo, new ExtendHoldResponse(status, deadline) { Position = RowPosition.Of(Address, row) });
    }

    // ---------------------------------------------------------------- going on

    private TransactionBranch? AskedOf(AccountMessage input) => input switch
    {
        PostTransferRequest post =>
            TransactionBranch.Of(post.Transfer, Address, state.Spec?.Asset ?? default, post.Principal),
        PostTransactionRequest post => TransactionBranch.Of(post.Transaction, Address, post.Principal),
        PrepareRequest prepare => prepare.Branch,
        CommitRequest commit => commit.Branch,
        DryRunRequest dryRun => dryRun.Branch,
        OutcomeRequest asked => asked.Branch,
        _ => null,
    };

    // After something was decided: those go on that waited for something in doubt; and the next deadline is kept.
    private void RunDeferred(LedgerTime now)
    {
        if (operations.WaitingCount > 0 && deferredRunAt != state.LastDecision)
        {
            deferredRunAt = state.LastDecision;
            foreach (var operation in operations.All.Where(static one => one.IsWaiting).ToArray())
            {
                // The end of its own attempt is no news to it.
                if (operation.IsClaimed && operation.IsWaiting && operation.WaitsSince != state.LastDecision)
                {
                    Begin(operation, now);
                }
            }
        }

        expiry.Arm(now);
        rows.StartNextWrite();
    }

    private void ScheduleResend(Operation operation, LedgerTime now)
    {
        operation.ResendAt = now.Add(
            Backoff.Exponential(options.ResendAfter, options.ResendAfterMax, operation.Resends++));
        host.WakeAt(operation.ResendAt);
    }

    private static bool AnyoneWaits(Operation operation, LedgerTime now)
    {
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is not AccountRequest call || call.Deadline >= now)
            {
                return true;
            }
        }

        return operation.IsExpiry;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var operation in operations.All)
        {
            if (!operation.IsLookingUp && operation.ResendAt < next)
            {
                next = operation.ResendAt;
            }

            if (operation.IsReleasing && operation.AnswerBy < next)
            {
                next = operation.AnswerBy;
            }
        }

        next = LedgerTime.Min(LedgerTime.Min(next, rows.RecordCommitsAt), barrier.NextDue);
        if (next < LedgerTime.MaxValue)
        {
            host.WakeAt(next);
        }
    }
}
