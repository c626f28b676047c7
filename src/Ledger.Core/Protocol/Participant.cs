namespace Ledger.Core;

/// <summary>A participant: an account between coordinator and last agent. It reserves its legs and votes, and books the
/// outcome.</summary>
internal sealed class Participant(
    AccountState state, AccountTime clock, IdResolver resolver, LegContexts contexts, BranchVerifier verifier,
    OperationTable operations, PreparedOrder prepared, GroupCommit rows, DoubtLimit limit, FutureRequests future,
    CommitProtocol protocol, IOperationRunner runner)
{
    /// <summary>Decides a request to prepare, and votes.</summary>
    /// <param name="operation">What has claimed its ids.</param>
    /// <param name="prepare">The request.</param>
    /// <param name="now">The time.</param>
    public void Decide(Operation operation, PrepareRequest prepare, LedgerTime now)
    {
        var branch = prepare.Branch;
        if (resolver.FindRecord(branch.Key, branch.Digest, operation.Facts) is { } status)
        {
            // Decided already: this is a late duplicate, or a coordinator that has recovered.
            operations.Unclaim(operation);
            SendVote(branch, status.Status == TransferStatus.Created ? VoteKind.Yes : VoteKind.InDoubt, null, now);
            return;
        }

        if (future.TryKeep(prepare, branch.Key, prepare.Time, now))
        {
            operations.Unclaim(operation);
            return;
        }

        var decision = DecideLegs(operation, prepare, now);
        if (decision.InDoubt || (decision.Status == TransferStatus.None && limit.Refuse(branch, now) is not null))
        {
            operations.Unclaim(operation);
            SendVote(branch, VoteKind.InDoubt, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            operations.Unclaim(operation);
            SendVote(branch, VoteKind.No, verifier.RefusalOf(decision), now);
        }
        else
        {
            Reserve(operation, contexts.WithHoldRows(branch), prepare.Time, now);
        }
    }

    /// <summary>Takes up what was found prepared on recovery: the coordinator is asked what has become of it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="branch">What is prepared.</param>
    /// <param name="now">The time.</param>
    public void Resume(Operation operation, TransactionBranch branch, LedgerTime now)
    {
        var reserved = new Reserved(branch, now);
        operations.AddAttempt(operation, reserved);
        AskOutcome(operation, reserved, now);
    }

    /// <summary>Asks the coordinator what has become of an attempt.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="reserved">What is prepared.</param>
    /// <param name="now">The time.</param>
    public void AskOutcome(Operation operation, Reserved reserved, LedgerTime now)
    {
        rows.SendWhenDurable(reserved.Branch.Coordinator, new OutcomeRequest(reserved.Branch, state.Address));
        runner.ScheduleResend(operation, now);
    }

    /// <summary>Votes.</summary>
    /// <param name="branch">What about.</param>
    /// <param name="kind">The vote.</param>
    /// <param name="refusal">For a no: why.</param>
    /// <param name="now">The time.</param>
    public void SendVote(TransactionBranch branch, VoteKind kind, Refusal? refusal, LedgerTime now) =>
        rows.SendWhenDurable(
            branch.Coordinator,
            new Vote(branch.Key, branch.Digest, state.Address, kind, refusal) { Time = clock.JudgedAt(now) });

    /// <summary>Votes no on what could not be decided, by a defect (R18).</summary>
    /// <param name="branch">What about.</param>
    /// <param name="now">The time.</param>
    public void SendFailure(TransactionBranch branch, LedgerTime now) =>
        SendVote(branch, VoteKind.No, verifier.FailureOf(branch), now);

    /// <summary>The coordinator says what the last agent has decided.</summary>
    /// <param name="outcome">What.</param>
    /// <param name="now">The time.</param>
    public void OnOutcome(Outcome outcome, LedgerTime now)
    {
        if (operations.TryFindAttempt<Reserved>(outcome.Key, outcome.Digest, out var operation, out var reserved))
        {
            var branch = reserved.Branch;
            var row = rows.Append(
                outcome.Committed
                    ? protocol.CommitOf(branch, outcome.Time, now)
                    : new TransactionAborted(branch.Key, -1, TransferStatus.None, null, clock.BookedAt(now)),
                urgent: true);
            rows.SendWhenDurable(branch.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, state.Address)
            {
                After = outcome is { Committed: true, ReturnBalances: true } ? AccountAfter.Of(state, row) : null,
            });
            runner.Finish(operation, skipFirst: false, now);
        }
        else if (!outcome.Committed)
        {
            // What was never prepared needs no release: should a late request still prepare it, this account asks.
            Acknowledge(outcome);
        }
        else if (operations.FindAttempt(outcome.Key) is null)
        {
            runner.Route(outcome, now);
        }
    }

    /// <summary>Says that an outcome is booked, if the record of it says so, in memory or in the journal: an
    /// incarnation that has been overtaken may know less than the one that has prepared.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <param name="facts">What the journal said.</param>
    public void AcknowledgeIfBooked(Outcome outcome, IdFacts facts)
    {
        if (resolver.FindRecord(outcome.Key, outcome.Digest, facts) is { Status: TransferStatus.Created })
        {
            Acknowledge(outcome);
        }
    }

    private void Acknowledge(Outcome outcome) => rows.SendWhenDurable(
        outcome.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, state.Address));

    private LegDecision DecideLegs(Operation operation, PrepareRequest prepare, LedgerTime now)
    {
        var branch = prepare.Branch;
        var used = resolver.ConsumedId(branch, operation.Facts);
        return used != TransferStatus.None ? new LegDecision(used, branch.Legs[0])
            : resolver.IsKnown(branch.Key, operation.Facts) ? LegDecision.Doubt(branch.Legs[0])
            : verifier.Verify(branch, operation.Facts, operation, prepare, clock.JudgedAt(now, prepare.Time));
    }

    private void Reserve(Operation operation, TransactionBranch branch, LedgerTime received, LedgerTime now)
    {
        rows.Append(new TransactionPrepared(branch, clock.BookedAt(now, received)), urgent: true);
        operations.AddAttempt(operation, new Reserved(branch, now));
        prepared.Add(state.PreparedCount, branch.Key);
        operation.Facts = default;
        SendVote(branch, VoteKind.Yes, null, now);
        runner.ScheduleResend(operation, now);
        runner.RouteForeign(operation, now);
    }
}
