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
/// ever. R7 digests. R8 <see cref="GroupCommit"/>. R10 <see cref="readers"/>, and
/// <see cref="AccountState.FavourOf"/> for refusals (R20). R11 the hold's id is claimed. R12 <see cref="CheckDue"/>.
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

    // One for all accounts of a thread: it serves one decision, and that ends before another begins.
    [ThreadStatic]
    private static AccountWorkingCopy? workingCopyOfThread;


    // Who is deciding about an id: of a transaction, of a transfer, of a hold that is resolved or a transfer that is
    // taken back. Null until needed: most accounts are idle.
    private Dictionary<TransferId, Operation>? claims;

    // Attempts that are prepared here, by their key.
    private Dictionary<TransferId, Operation>? attempts;

    private LedgerTime armedFor = LedgerTime.MaxValue;
    private LedgerTime lastNow;
    private long round;
    private long lookupCount;
    private int waiting;
    private int expiring;
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
    }

    /// <summary>The state, including what is decided and not yet durable. To be read only.</summary>
    public AccountState State => state;

    /// <summary>The last row that is durable.</summary>
    public long DurableSequenceNr => rows.DurableRow;

    /// <summary>Whether something is unfinished, so that the account must stay awake (R5).</summary>
    public bool IsBusy => requests.Count > 0 || claims is { Count: > 0 } || HasUnwritten || rows.HasResting;

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => rows.HasUnwritten;

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
            Claim(operation, IdsOf(doubt.Branch));
            (attempts ??= []).Add(doubt.Branch.Key, operation);
            prepared.Add(doubt.Number, doubt.Branch.Key);
            if (doubt.Branch.Coordinator == Address)
            {
                StartVoting(operation, now);
            }
            else
            {
                operation.Phase = Phase.Reserved;
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

        if (state.NextDeadline <= JudgedAt(now))
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
                DecideRead((AccountRequest)message, CommandUntil((AccountRequest)message, now), now);
                break;
            case GetAccountRequest or FlushRequest or ListHoldsRequest:
                Read((AccountRequest)message, now);
                break;
            case ResolveInDoubtRequest resolve:
                Resolve(resolve, now);
                break;
            case SeedBalancesRequest seed when options.AllowSeeding:
                rows.Append(new BalancesSeeded(seed.Balances, BookedAt(now)), urgent: true);
                rows.SendWhenDurable(seed.ReplyTo, new SeedBalancesResponse());
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
        foreach (var operation in OperationsOf())
        {
            foreach (var waiter in operation.Waiters)
            {
                if (waiter is AccountRequest call)
                {
                    host.Reply(call.ReplyTo, operation.Branch is null ? notBegun : failure);
                }
            }
        }

        foreach (var reader in readers ?? [])
        {
            host.Reply(reader.Call.ReplyTo, notBegun);
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
        if (claims is null || !claims.TryGetValue(id, out var operation) || operation.Phase != Phase.LookingUp
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
        armedFor = LedgerTime.MaxValue;
        if (state.NextDeadline < LedgerTime.MaxValue)
        {
            // Not at once: while the journal can't be read, it would fail again.
            var pause = lastNow.Add(options.RetryAfterMax);
            host.WakeAt(state.NextDeadline > pause ? state.NextDeadline : pause);
        }

        if (claims is null || !claims.TryGetValue(lookup.Id, out var operation) || operation.Phase != Phase.LookingUp
            || lookup.Number < operation.FirstLookup || lookup.Number > operation.LastLookup)
        {
            return;
        }

        Unclaim(operation);
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
        armedFor = LedgerTime.MaxValue;
        rows.RecordLateCommits(now);
        ForgetExpired(now);
        TakeKept(now);
        List<Operation>? due = null;
        foreach (var operation in OperationsOf())
        {
            if (operation.Phase != Phase.LookingUp
                && (Backoff.IsDue(operation.ResendAt, now, options.ResendAfterMax) || operation.Phase is Phase.Waiting or Phase.DryRunning
                    || (operation.Phase == Phase.Releasing && Backoff.IsDue(operation.AnswerBy, now, options.ReleaseWait))))
            {
                (due ??= []).Add(operation);
            }
        }

        foreach (var operation in due ?? [])
        {
            if (IsClaimed(operation))
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
            if (IsClaimed(operation))
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
            case Phase.DryRunning when !AnyoneWaits(operation, now):
            case Phase.Waiting when !AnyoneWaits(operation, now):
                // Nothing was journaled, so the callers' outcome is unknown to them and "nothing" in truth. An expiry
                // that waits starts again by itself.
                Unclaim(operation);
                foreach (var waiter in operation.Waiters)
                {
                    if (waiter is AccountRequest)
                    {
                        requests.End();
                    }
                }

                RouteAgain(operation.Waiters.Where(static waiter => waiter is not AccountRequest), now);
                break;
            case Phase.Waiting when Backoff.IsDue(operation.ResendAt, now, options.RetryAfterMax):
                Begin(operation, now);
                break;
            case Phase.DryRunning when Backoff.IsDue(operation.ResendAt, now, options.ResendAfterMax):
                foreach (var other in operation.OtherAccounts)
                {
                    if (!operation.Reports!.ContainsKey(other))
                    {
                        host.Send(other, new DryRunRequest(operation.Asked!.SliceFor(other), operation.Round));
                    }
                }

                ScheduleResend(operation, now);
                break;
            case Phase.Voting:
                foreach (var other in operation.Participants)
                {
                    if (!operation.Votes!.ContainsKey(other))
                    {
                        rows.SendWhenDurable(other, new PrepareRequest(operation.Branch!.SliceFor(other)) { Time = JudgedAt(now) });
                    }
                }

                ScheduleResend(operation, now);
                break;
            case Phase.Committing:
                // Its own row may still be under way (R8).
                SendCommit(operation, now);
                break;
            case Phase.Notifying or Phase.Releasing:
                if (operation.Phase == Phase.Releasing && Backoff.IsDue(operation.AnswerBy, now, options.ReleaseWait))
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
            case Phase.Reserved:
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
        foreach (var operation in OperationsOf())
        {
            if (operation.Phase == Phase.LookingUp)
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

        for (var left = readers?.Count ?? 0; left > 0; left--)
        {
            var reader = readers!.Dequeue();
            if (isDropped(reader.Call))
            {
                Drop(reader.Call);
            }
            else
            {
                readers.Enqueue(reader);
            }
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

    private void Open(OpenAccountRequest call, LedgerTime now)
    {
        var status = AccountDecider.Open(state, call.Spec);
        var row = 0L;
        if (status == AccountStatus.Created)
        {
            row = rows.Append(new AccountOpened(call.Spec, BookedAt(now)) { Principal = call.Principal }, urgent: true);
        }

        var known = status is AccountStatus.Created or AccountStatus.Exists;
        rows.SendWhenDurable(call.ReplyTo, new OpenAccountResponse(
            new OpenAccountResult(Address, status, known ? state.OpenTime : default) { Position = RowPosition.Of(Address, row) }));
    }

    private void Change(ChangeAccountRequest call, LedgerTime now)
    {
        var status = AccountDecider.Change(state, call.Change, JudgedAt(now));
        var row = 0L;
        if (status == AccountStatus.Changed)
        {
            row = rows.Append(new AccountChanged(call.Change, BookedAt(now)) { Principal = call.Principal }, urgent: true);
        }

        rows.SendWhenDurable(call.ReplyTo, new ChangeAccountResponse(new AccountChangeResult(status, View(now, doubtful: true))
        {
            Position = RowPosition.Of(Address, row),
        }));
    }
}
