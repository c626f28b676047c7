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
    private readonly IAccountHost host;
    private readonly AccountMachineOptions options;
    private readonly AccountState state;
    private readonly OpenRequests requests = new();
    private readonly OperationTable operations = new();
    private readonly PreparedOrder prepared;
    private readonly GroupCommit rows;
    private readonly AccountTime clock;
    private readonly FutureRequests future;
    private readonly ReadBarrier barrier;
    private readonly OwnRequests own;
    private readonly HoldExpiry expiry;
    private readonly DryRun dryRun;
    private readonly CoordinatorRules rules;
    private readonly CommitProtocol protocol;
    private readonly Coordinator coordinator;
    private readonly Participant participant;
    private readonly LastAgent lastAgent;
    private readonly ClaimedRequests claimed;
    private readonly LateOperations late;
    private readonly OperationRunner runner;
    private readonly InDoubtResolution resolution;
    private LedgerTime lastNow;
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
        var contexts = new LegContexts(state, operations);
        own = new OwnRequests(state, clock, rows, prepared, barrier, contexts);
        expiry = new HoldExpiry(state, clock, operations, options, host);
        var resolver = new IdResolver(state);
        var verifier = new BranchVerifier(state, clock, contexts, rows, options, host);
        dryRun = new DryRun(state, clock, resolver, contexts, rows, options, host);
        runner = new OperationRunner(
            state, operations, resolver, rows, barrier, own, expiry, options, host, this);
        var limit = new DoubtLimit(address, prepared, operations, options);
        var pending = new PendingRequests(state, operations, rows, barrier, options, host, runner);
        protocol = new CommitProtocol(
            state, clock, operations, rows, pending, expiry, future, verifier, options, host, runner);
        rules = new CoordinatorRules(state, clock, contexts, options);
        coordinator = new Coordinator(
            state, clock, rules, protocol, pending, resolver, contexts,
            operations, prepared, rows, limit, expiry, options, host, runner);
        participant = new Participant(
            state, clock, resolver, contexts, verifier, operations, prepared, rows, limit, future, protocol, runner);
        lastAgent = new LastAgent(state, clock, resolver, contexts, verifier, rows, future, runner);
        claimed = new ClaimedRequests(
            state, resolver, operations, future, coordinator, participant, lastAgent, dryRun, runner);
        late = new LateOperations(
            operations, coordinator, protocol, participant, rows, requests, options, host, runner);
        resolution = new InDoubtResolution(state, resolver, operations, rows, protocol);
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

    /// <summary>Whether transactions are in doubt.</summary>
    public bool HasInDoubt => state.InDoubtCount > 0;

    /// <summary>The oldest transaction in doubt; null for none.</summary>
    public InDoubtTransaction? OldestInDoubt => prepared.Oldest;

    private AccountAddress Address => state.Address;

    /// <summary>How far the account is ahead of the node's time, see <see cref="AccountTime.AheadBy"/>.</summary>
    /// <param name="now">The time.</param>
    public TimeSpan AheadBy(LedgerTime now) => clock.AheadBy(now);

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
        batch.CheckFollows(state, DurableSequenceNr);
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
            var branch = doubt.Branch with { CoordinatorAsset = rules.AssetOf(doubt.Branch) };
            var operation = new Operation(null, branch);
            operations.Claim(operation, OperationIds.Of(doubt.Branch, Address));
            prepared.Add(doubt.Number, branch.Key);
            if (branch.Coordinator == Address)
            {
                protocol.Start(operation, branch, branch.OtherAccounts(), now);
            }
            else
            {
                participant.Resume(operation, branch, now);
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
        if (ticket is not null && !rows.TryRestOn(ticket))
        {
            return;
        }

        if (message is AccountRequest call && !TryAdmit(call, now))
        {
            return;
        }

        if (expiry.IsAnyDue(now))
        {
            runner.BeginDue(now);
        }

        var before = rows.Changes;
        try
        {
            Dispatch(message, now);
        }
        catch (Exception e) when (rows.MayBeRefused(e, before))
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

    private void Dispatch(AccountMessage message, LedgerTime now)
    {
        switch (message)
        {
            case PostTransferRequest or PostTransactionRequest or GetTransferRequest or GetTransactionRequest
                or ExtendHoldRequest or PrepareRequest or CommitRequest or DryRunRequest or OutcomeRequest:
                runner.Route(message, now);
                break;
            case Vote vote:
                protocol.OnVote(vote, now);
                break;
            case CommitResponse answer:
                protocol.OnCommitResponse(answer, now);
                break;
            case DryRunResponse answer:
                coordinator.OnDryRunResponse(answer, now);
                break;
            case Outcome outcome:
                participant.OnOutcome(outcome, now);
                break;
            case OutcomeAck ack:
                protocol.OnAcknowledged(ack, now);
                break;
            case OpenAccountRequest or ChangeAccountRequest:
                var command = (AccountRequest)message;
                own.Decide(command, ReadBarrier.CommandUntil(command, now), now);
                break;
            case GetAccountRequest or FlushRequest or ListHoldsRequest:
                var read = (AccountRequest)message;
                if (!own.TryWait(read, now))
                {
                    own.Decide(read, LedgerTime.MaxValue, now);
                }

                break;
            case ResolveInDoubtRequest resolve:
                resolution.Resolve(resolve, now);
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
        rows.Fail(failure);
        foreach (var operation in operations.All)
        {
            foreach (var waiter in operation.Waiters)
            {
                if (waiter is AccountRequest call)
                {
                    host.Reply(call.ReplyTo, operation.Phase is PreparedPhase ? failure : notBegun);
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
        dryRun.LookedUp(lookup, found, failed: false, lastNow);
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
        dryRun.LookedUp(lookup, null, failed: true, lastNow);

        // What was claimed may be a hold that has become due.
        expiry.ArmAfterFailedLookup(lastNow);
        runner.LookupFailed(lookup);
    }

    /// <summary>Whether anybody still waits for what the journal says to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="now">The time.</param>
    public bool IsAwaited(IdLookup lookup, LedgerTime now)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        return dryRun.IsAwaited(lookup.Number) || runner.IsAwaited(lookup, now);
    }

    /// <summary>Time has passed: what is late is written or sent again, and what is due expires.</summary>
    /// <param name="now">The time.</param>
    public void Tick(LedgerTime now)
    {
        lastNow = now;
        expiry.Disarm();
        rows.RecordLateCommits(now);

        // Callers that have stopped waiting, for an outcome that may be long in coming, must not fill the account up.
        DropRequests(call => call.Deadline < now, null);
        runner.RouteAgain(future.TakeRipe(now), now);
        late.Resume(now);
        runner.BeginDue(now);
        runner.ReleaseLateReaders(now);
        var next = LedgerTime.Min(LedgerTime.Min(rows.RecordCommitsAt, barrier.NextDue), late.NextDue);
        if (next < LedgerTime.MaxValue)
        {
            host.WakeAt(next);
        }

        runner.RunDeferred(now);
    }

    /// <summary>Makes what may still be lazy be written now, before the account goes to sleep.</summary>
    public void Flush() => rows.Flush();

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
            requests.End();
            if (answer is not null)
            {
                host.Reply(call.ReplyTo, answer);
            }
        }
    }

    // ---------------------------------------------------------------- deciding, by what is asked

    bool IOperationDecider.TryRespond(Operation owner, AccountMessage input, LedgerTime now) =>
        claimed.TryRespond(owner, input, now);

    void IOperationDecider.Decide(Operation operation, LedgerTime now)
    {
        switch (operation.Input)
        {
            case PostTransferRequest or PostTransactionRequest or null:
                coordinator.Decide(operation, now);
                break;
            case PrepareRequest prepare:
                participant.Decide(operation, prepare, now);
                break;
            case CommitRequest commit:
                operations.Unclaim(operation);
                if (operation.IsDetached)
                {
                    claimed.DecideDetached(commit, operation.Facts, now);
                }
                else
                {
                    lastAgent.Decide(commit, operation.Facts, now);
                }

                break;
            case DryRunRequest question:
                operations.Unclaim(operation);
                dryRun.Respond(question, operation.Facts, lastNow);
                break;
            case OutcomeRequest asked:
                operations.Unclaim(operation);
                coordinator.DecideOutcome(asked, operation.Facts, now);
                break;
            case Outcome outcome:
                operations.Unclaim(operation);
                participant.AcknowledgeIfBooked(outcome, operation.Facts);
                break;
            case AccountRequest call:
                operations.Unclaim(operation);
                own.DecideById(call, operation.Facts, now);
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
        host.DecisionFailed(input, thrown);
        switch (input)
        {
            case AccountRequest call:
                rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DecisionFailed));
                break;
            case PrepareRequest prepare:
                // The last agent decides, whatever this account has journaled of it.
                participant.SendFailure(prepare.Branch, now);
                break;
            case DryRunRequest question:
                dryRun.RespondFailed(question, lastNow);
                break;
            default:
                break;
        }
    }
}
