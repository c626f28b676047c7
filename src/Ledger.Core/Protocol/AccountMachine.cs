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
///             (asked) --amounts depend on others, or a refusal that they may outrank--> dry running
///             dry running --reports--> (asked)
///             (asked) --a leg fails--> rejected     [TransactionRejected]
///             (asked) --all legs can be--> voting   [TransactionPrepared]   without participants: committing
///             voting  --every participant has voted yes--> committing;  --one has not--> cancelling
///             committing, cancelling --CommitResponse, committed--> notifying
///             notifying --acknowledged by all--> done         [TransactionCommitted, lazy]
///             committing, cancelling --CommitResponse, refused--> releasing   [TransactionAborted]
///             releasing --acknowledged--> rejected
///             ... refused because something was in doubt --> (asked), under a new attempt
///   others:   (unknown) --PrepareRequest--> reserved          [TransactionPrepared]
///             reserved --Outcome-->                           [TransactionCommitted|TransactionAborted]
///   last agent:   (unknown) --CommitRequest--> committed [LastAgentCommitted]: this write is the commit
///             (unknown) --CommitRequest, can't be, or cancel--> refused [LastAgentRefused]
///             can't be asked --an operator's verdict, written for it--> refused [LastAgentRefused]
///                                                             (R20, <see cref="OperatorAbort"/>)
///             known     --CommitRequest, same attempt--> the same answer, for ever
/// </code>
/// It hands what comes to its parts, each of which has a state of its own. Rules that they keep, by number:
/// R1 only a CommitResponse, which leaves the last agent when its row is durable (R8), ends what is prepared. R2
/// <see cref="Coordinator.DecideOutcome"/>. R3 recovery asks the last agent again. R4, R6 <see cref="OperationRunner"/>
/// asks memory, then the journal, once at a time, and copies join. R5 what is prepared is never evicted, and asked
/// about with backoff for ever. R7 digests. R8 <see cref="GroupCommit"/>. R10 <see cref="ReadBarrier"/>, and
/// <see cref="AccountState.FavourOf"/> for refusals (R20). R11 the hold's id is claimed. R12 <see cref="HoldExpiry"/>.
/// R13 <see cref="AccountWorkingCopy"/>. R14 the dry run resolves every amount before anything is journaled, and
/// everybody verifies it. R15 <see cref="RejectionChoice"/> and the dry run. R16 unknown is the caller's, who sends the
/// same id again. Who waits holds nothing: a client's call waits for what is in doubt before it has journaled anything,
/// and a request of another account is answered "in doubt" at once, whereupon its coordinator gives the attempt up. So
/// nothing deadlocks. Not thread-safe.
/// </remarks>
internal sealed class AccountMachine : IOperationDecider
{
    private readonly AccountParts account;
    private readonly OperationRunner runner;
    private LedgerTime lastNow;
    private bool failed;

    /// <summary>Makes an account that has not recovered yet.</summary>
    /// <param name="address">The account.</param>
    /// <param name="options">The settings.</param>
    /// <param name="host">The world.</param>
    public AccountMachine(AccountAddress address, AccountMachineOptions options, IAccountHost host)
    {
        var state = new AccountState(address, options.IdempotencyWindowMax, options.IdempotencyAgeMax);
        account = new AccountParts(state, options, host, parts => new OperationRunner(parts, this));
        runner = (OperationRunner)account.Runner;
    }

    /// <summary>The state, including what is decided and not yet durable. To be read only.</summary>
    public AccountState State => account.State;

    /// <summary>The last row that is durable.</summary>
    public long DurableSequenceNr => account.Rows.DurableRow;

    /// <summary>Whether something is unfinished, so that the account must stay awake (R5).</summary>
    public bool IsBusy =>
        account.Requests.Count > 0 || account.Operations.HasAny || HasUnwritten || account.Rows.HasResting;

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => account.Rows.HasUnwritten;

    /// <summary>How many requests and votes of other accounts were dropped because their time stayed too far ahead of
    /// this node's (T6 of R21). Either this node's clock is behind, or another's is ahead.</summary>
    public long DroppedAhead => account.DroppedAhead;

    /// <summary>Whether transactions are in doubt.</summary>
    public bool HasInDoubt => account.State.InDoubtCount > 0;

    /// <summary>The oldest transaction in doubt; null for none.</summary>
    public InDoubtTransaction? OldestInDoubt => account.Prepared.Oldest;

    private AccountAddress Address => account.State.Address;

    /// <summary>How far the account is ahead of the node's time, see <see cref="AccountTime.AheadBy"/>.</summary>
    /// <param name="now">The time.</param>
    public TimeSpan AheadBy(LedgerTime now) => account.Clock.AheadBy(now);

    // ---------------------------------------------------------------- recovery

    /// <summary>Starts recovery from a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public void Restore(AccountSnapshot snapshot)
    {
        account.State.Restore(snapshot);
        account.Rows.Restored(snapshot.SequenceNr);
    }

    /// <summary>Folds one row of the journal.</summary>
    /// <param name="batch">The row.</param>
    /// <exception cref="LedgerInvariantException">The row does not follow the one before (I8).</exception>
    public void Replay(EventBatch batch)
    {
        batch.CheckFollows(account.State, DurableSequenceNr);
        account.State.IsReplaying = true;
        foreach (var happened in batch.Events)
        {
            account.State.Evolve(happened, batch.SequenceNr);
        }

        account.Rows.Replayed(batch);
    }

    /// <summary>Ends recovery: everything in doubt is taken up again, by the coordinator through the last agent (R3),
    /// elsewhere by asking the coordinator.</summary>
    /// <param name="now">The time.</param>
    public void RecoveryCompleted(LedgerTime now)
    {
        // Whoever prepared them may have answered already.
        account.State.MarkInherited();
        foreach (var doubt in account.State.InDoubtInOrder())
        {
            // Whatever it was before, it is asked about now.
            var branch = doubt.Branch with { CoordinatorAsset = account.Rules.AssetOf(doubt.Branch) };
            var operation = new Operation(null, branch);
            account.Operations.Claim(operation, OperationIds.Of(doubt.Branch, Address));
            account.Prepared.Add(doubt.Number, branch.Key);
            if (branch.Coordinator == Address)
            {
                account.Protocol.Start(operation, branch, branch.OtherAccounts(), now);
            }
            else
            {
                account.Participant.Resume(operation, branch, now);
            }
        }

        runner.BeginDue(now);
        runner.RunDeferred(now);
    }

    // ---------------------------------------------------------------- inputs

    /// <summary>Takes a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    /// <param name="ticket">The row of its sender that it rests on, which may not be durable yet; null where it rests
    /// on nothing that is not. One that rests on a row which failed is dropped (G2).</param>
    public void Handle(AccountMessage message, LedgerTime now, WriteTicket? ticket = null)
    {
        lastNow = now;
        if (ticket is not null && !account.Rows.TryRestOn(ticket))
        {
            return;
        }

        if (message is AccountRequest call && !TryAdmit(call, now))
        {
            return;
        }

        if (account.HasExpiry && account.Expiry.IsAnyDue(now))
        {
            runner.BeginDue(now);
        }

        var before = account.Rows.Changes;
        try
        {
            Dispatch(message, now);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            Refuse(message, e, now);
        }

        runner.RunDeferred(now);
    }

    private bool TryAdmit(AccountRequest call, LedgerTime now)
    {
        // Only before anything is decided: from there on the outcome is the transaction's own.
        if (now > call.Deadline)
        {
            account.Host.Reply(call.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
            return false;
        }

        if (!account.Requests.TryAdmit(account.Options.RequestsMax))
        {
            account.Host.Reply(call.ReplyTo, new RequestFailed(RequestFailure.Overloaded));
            return false;
        }

        return true;
    }

    private void Dispatch(AccountMessage message, LedgerTime now)
    {
        switch (message)
        {
            case PostTransferRequest or PostTransactionRequest or GetTransferRequest or GetTransactionRequest
                or ExtendHoldRequest or PrepareRequest or CommitRequest or DryRunRequest or OutcomeRequest:
                runner.Route(message, now);
                break;
            case Vote vote:
                account.Protocol.OnVote(vote, now);
                break;
            case CommitResponse answer:
                account.Protocol.OnCommitResponse(answer, now);
                break;
            case DryRunResponse answer:
                account.Coordinator.OnDryRunResponse(answer, now);
                break;
            case Outcome outcome:
                account.Participant.OnOutcome(outcome, now);
                break;
            case OutcomeAck ack:
                account.Protocol.OnAcknowledged(ack, now);
                break;
            case OpenAccountRequest or ChangeAccountRequest:
                var command = (AccountRequest)message;
                account.Own.Decide(command, ReadBarrier.CommandUntil(command, now), now);
                break;
            case GetAccountRequest or FlushRequest or ListHoldsRequest:
                var read = (AccountRequest)message;
                if (!account.Own.TryWait(read, now))
                {
                    account.Own.Decide(read, LedgerTime.MaxValue, now);
                }

                break;
            case ResolveInDoubtRequest resolve:
                account.Resolution.Resolve(resolve, now);
                break;
            case Activate:
                break;
            default:
                throw new LedgerInvariantException($"{Address}: unknown message {message.GetType().Name}");
        }
    }

    /// <summary>The row that was being written is durable: what waited for it leaves.</summary>
    /// <param name="now">The time.</param>
    public void WriteSucceeded(LedgerTime now) => account.Rows.WriteSucceeded();

    /// <summary>What this account waited for is decided, and no row of its own tells (see
    /// <see cref="IAccountHost.Watch"/>).</summary>
    /// <returns>Whether the account may go on. If not, it rests on what is not known to be durable, and must end
    /// (<see cref="Fail"/>), whether it has written anything or not (G6).</returns>
    public bool TicketDecided() => account.Rows.TicketDecided();

    /// <summary>A write failed, or the account must stop: every caller learns that its outcome is unknown, and nothing
    /// that was decided since the last durable row may be used (R8). The machine is dead afterwards.</summary>
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
        account.Rows.Fail(failure);
        foreach (var operation in account.Operations.All)
        {
            foreach (var waiter in operation.Waiters)
            {
                if (waiter is AccountRequest call)
                {
                    account.Host.Reply(call.ReplyTo, operation.Phase is PreparedPhase ? failure : notBegun);
                }
            }
        }

        foreach (var reader in account.HasReaders ? account.Barrier.Readers : [])
        {
            account.Host.Reply(reader.ReplyTo, notBegun);
        }
    }

    /// <summary>The journal has answered a look-up.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="found">What it holds; null when it never saw the id.</param>
    /// <param name="now">The time.</param>
    public void LookupCompleted(IdLookup lookup, IdHistory? found, LedgerTime now)
    {
        account.DryRun.LookedUp(lookup, found, failed: false, lastNow);
        if (runner.TryGoOn(lookup, found, now))
        {
            runner.RunDeferred(now);
        }
    }

    /// <summary>The journal could not be asked: the callers' outcome is unknown, and other accounts will ask
    /// again.</summary>
    /// <param name="lookup">The question.</param>
    public void LookupFailed(IdLookup lookup)
    {
        account.DryRun.LookedUp(lookup, null, failed: true, lastNow);

        // What was claimed may be a hold that has become due.
        if (account.HasExpiry)
        {
            account.Expiry.ArmAfterFailedLookup(lastNow);
        }


        runner.LookupFailed(lookup);
    }

    /// <summary>Whether anybody still waits for what the journal says to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="now">The time.</param>
    public bool IsAwaited(IdLookup lookup, LedgerTime now)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        return account.DryRun.IsAwaited(lookup.Number) || runner.IsAwaited(lookup, now);
    }

    /// <summary>Time has passed: what is late is written or sent again, and what is due expires.</summary>
    /// <param name="now">The time.</param>
    public void Tick(LedgerTime now)
    {
        lastNow = now;
        if (account.HasExpiry)
        {
            account.Expiry.Disarm();
        }

        account.Rows.RecordLateCommits(now);

        // Callers that have stopped waiting, for an outcome that may be long in coming, must not fill the account up.
        DropRequests(call => call.Deadline < now, null);
        if (account.HasFuture)
        {
            runner.RouteAgain(account.Future.TakeRipe(now), now);
        }

        account.Late.Resume(now);
        runner.BeginDue(now);
        runner.ReleaseLateReaders(now);
        var next = LedgerTime.Min(account.Rows.RecordCommitsAt, account.Late.NextDue);
        next = account.HasReaders ? LedgerTime.Min(next, account.Barrier.NextDue) : next;
        if (next < LedgerTime.MaxValue)
        {
            account.Host.WakeAt(next);
        }

        runner.RunDeferred(now);
    }

    /// <summary>Makes what may still be lazy be written now, before the account goes to sleep.</summary>
    public void Flush() => account.Rows.Flush();

    /// <summary>What the callers wait for is long in coming, and they can do better than to wait: each learns that its
    /// outcome is unknown. What is journaled goes on, and a copy of the call joins it (R6); what is not may be
    /// dropped.</summary>
    /// <param name="reason">What the callers are told.</param>
    public void GiveUpRequests(RequestFailure reason) => DropRequests(static _ => true, new RequestFailed(reason));

    // Without an answer, nobody is told.
    private void DropRequests(Func<AccountRequest, bool> isDropped, RequestFailed? answer)
    {
        foreach (var call in runner.Drop(isDropped))
        {
            account.Requests.End();
            if (answer is not null)
            {
                account.Host.Reply(call.ReplyTo, answer);
            }
        }
    }

    // ---------------------------------------------------------------- deciding, by what is asked

    bool IOperationDecider.TryRespond(Operation owner, AccountMessage input, LedgerTime now) =>
        account.Claimed.TryRespond(owner, input, now);

    void IOperationDecider.Decide(Operation operation, LedgerTime now)
    {
        switch (operation.Input)
        {
            case PostTransferRequest or PostTransactionRequest or null:
                account.Coordinator.Decide(operation, now);
                break;
            case PrepareRequest prepare:
                account.Participant.Decide(operation, prepare, now);
                break;
            case CommitRequest commit:
                account.Operations.Unclaim(operation);
                if (operation.IsDetached)
                {
                    account.Claimed.DecideDetached(commit, operation.Facts, now);
                }
                else
                {
                    account.LastAgent.Decide(commit, operation.Facts, now);
                }

                break;
            case DryRunRequest question:
                account.Operations.Unclaim(operation);
                account.DryRun.Respond(question, operation.Facts, lastNow);
                break;
            case OutcomeRequest asked:
                account.Operations.Unclaim(operation);
                account.Coordinator.DecideOutcome(asked, operation.Facts, now);
                break;
            case Outcome outcome:
                account.Operations.Unclaim(operation);
                account.Participant.AcknowledgeIfBooked(outcome, operation.Facts);
                break;
            case AccountRequest call:
                account.Operations.Unclaim(operation);
                account.Own.DecideById(call, operation.Facts, now);
                operation.Waiters.Remove(call);
                break;
            default:
                throw new LedgerInvariantException(
                    $"{Address}: nothing to decide for {operation.Input.GetType().Name}");
        }
    }

    void IOperationDecider.Refuse(AccountMessage input, Exception thrown, LedgerTime now) => Refuse(input, thrown, now);

    private void Refuse(AccountMessage input, Exception thrown, LedgerTime now)
    {
        account.Host.DecisionFailed(input, thrown);
        switch (input)
        {
            case AccountRequest call:
                account.Rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DecisionFailed));
                break;
            case PrepareRequest prepare:
                // The last agent decides, whatever this account has journaled of it.
                account.Participant.SendFailure(prepare.Branch, now);
                break;
            case DryRunRequest question:
                account.DryRun.RespondFailed(question, lastNow);
                break;
            default:
                break;
        }
    }
}
