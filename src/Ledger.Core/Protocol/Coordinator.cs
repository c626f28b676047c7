namespace Ledger.Core;

/// <summary>The coordinator of what clients ask for: does what <see cref="CoordinatorRules"/> decides. What is prepared
/// goes on in the <see cref="CommitProtocol"/>.</summary>
internal sealed class Coordinator(
    AccountState state, AccountTime clock, CoordinatorRules rules, CommitProtocol protocol, PendingRequests pending,
    IdResolver resolver, LegContexts contexts, OperationTable operations, PreparedOrder prepared, GroupCommit rows,
    DoubtLimit limit, HoldExpiry expiry, AccountMachineOptions options, IAccountHost host, IOperationRunner runner)
{
    private long round;

    private AccountAddress Address => state.Address;

    // ---------------------------------------------------------------- deciding

    /// <summary>Decides a request, and does it.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="now">The time.</param>
    public void Decide(Operation operation, LedgerTime now)
    {
        switch (rules.Decide(operation, now))
        {
            case Prepare prepare when limit.Refuse(prepare.Asked, now) is { } reason:
                if (operation.IsExpiry)
                {
                    expiry.Pause(prepare.Asked.Id, now, options.RetryAfterMax);
                }

                pending.GiveUp(operation, new RequestFailed(reason), now);
                break;
            case Prepare prepare:
                PrepareOrCommit(operation, prepare.Branch, now);
                break;
            case Reject reject:
                RejectLeg(operation, reject.Branch, reject.Decision, now);
                break;
            case Respond respond:
                pending.Answer(operation, respond.Result, now);
                break;
            case WaitForDoubt wait:
                pending.Wait(operation, wait.IsForMoney, now);
                break;
            case AskOthers:
                StartDryRun(operation, now);
                break;
            case LookUpAgain:
                runner.Begin(operation, now);
                break;
            case Expire expire:
                rows.SendWhenDurable(expire.Caller.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
                runner.Finish(operation, skipFirst: true, now);
                break;
            case RefuseSize refuse:
                pending.GiveUp(
                    operation,
                    new RequestFailed(RequestFailure.TransactionTooLarge)
                    {
                        Size = refuse.Size, Limit = options.TransactionBytesMax,
                    },
                    now);
                break;
            case Abandon:
                runner.Finish(operation, skipFirst: false, now);
                break;
            case var decision:
                throw new LedgerInvariantException($"{Address}: nobody does a {decision.GetType().Name}");
        }
    }

    private void RejectLeg(Operation operation, TransactionBranch branch, LegDecision decision, LedgerTime now)
    {
        LedgerTime at = default;
        Balances? seen = null;
        var position = default(RowPosition);
        if (!operation.IsExpiry && !operation.IsDryRun && !CoordinatorRules.FollowsFromIds(decision))
        {
            at = clock.BookedAt(now);
            seen = rules.SeenBy(operation, decision);

            // What was never prepared is no attempt.
            var rejected = AsStored(branch) with { Attempt = 0 };
            position = new RowPosition(Address, rows.Append(
                new TransactionRejected(rejected, decision.Leg.Index, decision.Status, seen, at), urgent: true));
        }

        pending.Answer(
            operation,
            TransactionRejection.Of(branch, decision.Leg.Index, decision.Status, at, seen, replayed: false, position),
            now);
    }

    // A hold that never was has no deadline, and is stored as one that never expires: its digest must be the same
    // before the journal and after it (I8).
    private static TransactionBranch AsStored(TransactionBranch branch) =>
        branch.Legs.Any(static leg => leg.IsHold && leg.Deadline == default)
            ? branch with
            {
                Legs = [.. branch.Legs.Select(static leg =>
                    leg.IsHold && leg.Deadline == default ? leg with { Deadline = LedgerTime.MaxValue } : leg)],
            }
            : branch;

    // ---------------------------------------------------------------- the dry run (R14, R15)

    private void StartDryRun(Operation operation, LedgerTime now)
    {
        if (operation.Asked is not { } asked)
        {
            return;
        }

        var dryRun = new DryRunning(asked.OtherAccounts(), ++round);
        operations.SetPhase(operation, dryRun);
        operation.Resends = 0;
        foreach (var other in dryRun.OtherAccounts)
        {
            rows.SendWhenDurable(other, new DryRunRequest(asked.SliceFor(other), dryRun.Round));
        }

        runner.ScheduleResend(operation, now);
        runner.RouteForeign(operation, now);
    }

    /// <summary>Asks those again that have not answered.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="dryRun">What they were asked.</param>
    /// <param name="now">The time.</param>
    public void RepeatDryRun(Operation operation, DryRunning dryRun, LedgerTime now)
    {
        foreach (var other in dryRun.OtherAccounts)
        {
            if (!dryRun.Reports.ContainsKey(other) && operation.Asked is { } asked)
            {
                host.Send(other, new DryRunRequest(asked.SliceFor(other), dryRun.Round));
            }
        }

        runner.ScheduleResend(operation, now);
    }

    /// <summary>An account says how it is.</summary>
    /// <param name="answer">What it says.</param>
    /// <param name="now">The time.</param>
    public void OnDryRunResponse(DryRunResponse answer, LedgerTime now)
    {
        if (!operations.TryFind(answer.Id, out var operation) || operation.Phase is not DryRunning dryRun
            || dryRun.Round != answer.Round || !dryRun.OtherAccounts.Contains(answer.Report.Account))
        {
            return;
        }

        dryRun.Reports[answer.Report.Account] = answer.Report;
        if (dryRun.Reports.Count == dryRun.OtherAccounts.Count)
        {
            runner.Continue(operation, now);
        }
    }

    // ---------------------------------------------------------------- preparing

    private void PrepareOrCommit(Operation operation, TransactionBranch resolved, LedgerTime now)
    {
        // Said again, with every amount, and all that is the hold's.
        var branch = contexts.WithHoldRows(resolved);
        var others = branch.OtherAccounts();
        if (others.Count == 0)
        {
            // Openings of this very account: its own write is the commit.
            var at = clock.JudgedAt(now);
            var row = rows.Append(
                new LastAgentCommitted(branch, clock.BookedAt(now)) { CommitTime = at }, urgent: true);
            var result = Results.Committed(branch, at, replayed: false, new RowPosition(Address, row));
            pending.Answer(
                operation, operation.WantsAfter ? result with { After = [AccountAfter.Of(state, row)] } : result, now);
            return;
        }

        rows.Append(new TransactionPrepared(branch, clock.BookedAt(now)), urgent: true);
        prepared.Add(state.PreparedCount, branch.Key);
        if (!branch.IsPlain)
        {
            operations.Claim(operation, OperationIds.Of(branch, Address));
        }

        operation.Facts = default;
        protocol.Start(operation, branch, others, now);
        runner.RouteForeign(operation, now);
    }

    /// <summary>A participant asks what has become of an attempt. R2: that nothing is known of it is never said from
    /// memory.</summary>
    /// <param name="asked">The question.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="now">The time.</param>
    public void DecideOutcome(OutcomeRequest asked, IdFacts facts, LedgerTime now)
    {
        var branch = asked.Branch;
        var record = resolver.FindRecord(branch.Key, branch.Digest, facts);
        if (record is null && state.Idempotency.Find(branch.Key) is not { IsFinal: true })
        {
            rows.Append(new AbortRecorded(branch.Key, branch.Digest, clock.BookedAt(now)), urgent: true);
        }

        rows.SendWhenDurable(asked.Account, new Outcome(
            branch.Key, branch.Digest, record is { Status: TransferStatus.Created }, record?.Time ?? default)
        {
            Coordinator = Address,
        });
    }
}
