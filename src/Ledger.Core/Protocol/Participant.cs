namespace Ledger.Core;

/// <summary>A participant: an account between coordinator and last agent. It reserves its legs and votes, and books the
/// outcome.</summary>
internal readonly struct Participant(AccountParts account)
{
    /// <summary>Decides a request to prepare, and votes.</summary>
    /// <param name="operation">What has claimed its ids.</param>
    /// <param name="prepare">The request.</param>
    /// <param name="now">The time.</param>
    public void Decide(Operation operation, PrepareRequest prepare, LedgerTime now)
    {
        var branch = prepare.Branch;
        if (account.Resolver.FindRecord(branch.Key, branch.Digest, operation.Facts) is { } status)
        {
            // Decided already: this is a late duplicate, or a coordinator that has recovered.
            account.Operations.Unclaim(operation);
            SendVote(branch, status.Status == TransferStatus.Created ? VoteKind.Yes : VoteKind.InDoubt, null, now);
            return;
        }

        if (account.TryKeep(prepare, branch.Key, prepare.Time, now))
        {
            account.Operations.Unclaim(operation);
            return;
        }

        var decision = DecideLegs(operation, prepare, now);
        if (decision.InDoubt
            || (decision.Status == TransferStatus.None && account.Limit.Refuse(branch, now) is not null))
        {
            account.Operations.Unclaim(operation);
            SendVote(branch, VoteKind.InDoubt, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            account.Operations.Unclaim(operation);
            SendVote(branch, VoteKind.No, account.Verifier.RefusalOf(decision), now);
        }
        else
        {
            Reserve(operation, account.Contexts.WithHoldRows(branch), prepare.Time, now);
        }
    }

    /// <summary>Takes up what was found prepared on recovery: the coordinator is asked what has become of it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="branch">What is prepared.</param>
    /// <param name="now">The time.</param>
    public void Resume(Operation operation, TransactionBranch branch, LedgerTime now)
    {
        var reserved = new Reserved(branch, now);
        account.Operations.AddAttempt(operation, reserved);
        AskOutcome(operation, reserved, now);
    }

    /// <summary>Asks the coordinator what has become of an attempt.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="reserved">What is prepared.</param>
    /// <param name="now">The time.</param>
    public void AskOutcome(Operation operation, Reserved reserved, LedgerTime now)
    {
        account.Rows.SendWhenDurable(
            reserved.Branch.Coordinator, new OutcomeRequest(reserved.Branch, account.State.Address));
        account.Runner.ScheduleResend(operation, now);
    }

    /// <summary>Votes.</summary>
    /// <param name="branch">What about.</param>
    /// <param name="kind">The vote.</param>
    /// <param name="refusal">For a no: why.</param>
    /// <param name="now">The time.</param>
    public void SendVote(TransactionBranch branch, VoteKind kind, Refusal? refusal, LedgerTime now) =>
        account.Rows.SendWhenDurable(
            branch.Coordinator,
            new Vote(branch.Key, branch.Digest, account.State.Address, kind, refusal) { Time = account.Clock.JudgedAt(
                now) });

    /// <summary>Votes no on what could not be decided, by a defect (R18).</summary>
    /// <param name="branch">What about.</param>
    /// <param name="now">The time.</param>
    public void SendFailure(TransactionBranch branch, LedgerTime now) =>
        SendVote(branch, VoteKind.No, account.Verifier.FailureOf(branch), now);

    /// <summary>The coordinator says what the last agent has decided.</summary>
    /// <param name="outcome">What.</param>
    /// <param name="now">The time.</param>
    public void OnOutcome(Outcome outcome, LedgerTime now)
    {
        if (account.Operations.TryFindAttempt<Reserved>(
            outcome.Key, outcome.Digest, out var operation, out var reserved))
        {
            var branch = reserved.Branch;
            var row = account.Rows.Append(
                outcome.Committed
                    ? account.Protocol.CommitOf(branch, outcome.Time, now)
                    : new TransactionAborted(branch.Key, -1, TransferStatus.None, null, account.Clock.BookedAt(now)),
                urgent: true);
            account.Rows.SendWhenDurable(
                branch.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, account.State.Address)
            {
                After = outcome is { Committed: true, ReturnBalances: true }
                    ? AccountAfter.Of(account.State, row)
                    : null,
            });
            account.Runner.Finish(operation, skipFirst: false, now);
        }
        else if (!outcome.Committed)
        {
            // What was never prepared needs no release: should a late request still prepare it, this account asks.
            Acknowledge(outcome);
        }
        else if (account.Operations.FindAttempt(outcome.Key) is null)
        {
            account.Runner.Route(outcome, now);
        }
    }

    /// <summary>Says that an outcome is booked, if the record of it says so, in memory or in the journal: an
    /// incarnation that has been overtaken may know less than the one that has prepared.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <param name="facts">What the journal said.</param>
    public void AcknowledgeIfBooked(Outcome outcome, IdFacts facts)
    {
        if (account.Resolver.FindRecord(outcome.Key, outcome.Digest, facts) is { Status: TransferStatus.Created })
        {
            Acknowledge(outcome);
        }
    }

    private void Acknowledge(Outcome outcome) => account.Rows.SendWhenDurable(
        outcome.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, account.State.Address));

    private LegDecision DecideLegs(Operation operation, PrepareRequest prepare, LedgerTime now)
    {
        var branch = prepare.Branch;
        var used = account.Resolver.ConsumedId(branch, operation.Facts);
        return used != TransferStatus.None ? new LegDecision(used, branch.Legs[0])
            : account.Resolver.IsKnown(branch.Key, operation.Facts) ? LegDecision.Doubt(branch.Legs[0])
            : account.Verifier.Verify(
                branch, operation.Facts, operation, prepare, account.Clock.JudgedAt(now, prepare.Time));
    }

    private void Reserve(Operation operation, TransactionBranch branch, LedgerTime received, LedgerTime now)
    {
        account.Rows.Append(new TransactionPrepared(branch, account.Clock.BookedAt(now, received)), urgent: true);
        account.Operations.AddAttempt(operation, new Reserved(branch, now));
        account.Prepared.Add(account.State.PreparedCount, branch.Key);
        operation.Facts = default;
        SendVote(branch, VoteKind.Yes, null, now);
        account.Runner.ScheduleResend(operation, now);
        account.Runner.RouteForeign(operation, now);
    }
}
