namespace Ledger.Core;

/// <summary>The coordinator of what clients ask for: does what <see cref="CoordinatorRules"/> decides. What is prepared
/// goes on in the <see cref="CommitProtocol"/>.</summary>
internal sealed class Coordinator(AccountParts account)
{
    private long round;

    private AccountAddress Address => account.State.Address;

    // ---------------------------------------------------------------- deciding

    /// <summary>Decides a request, and does it.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="now">The time.</param>
    public void Decide(Operation operation, LedgerTime now)
    {
        switch (account.Rules.Decide(operation, now))
        {
            case Prepare prepare:
                if (account.Limit.Refuse(prepare.Asked, now) is { } reason)
                {
                    if (operation.IsExpiry)
                    {
                        account.Expiry.Pause(prepare.Asked.Id, now, account.Options.RetryAfterMax);
                    }

                    account.Pending.GiveUp(operation, new RequestFailed(reason), now);
                    break;
                }

                PrepareOrCommit(operation, prepare.Branch, now);
                break;
            case Reject reject:
                RejectLeg(operation, reject.Branch, reject.Decision, now);
                break;
            case Respond respond:
                account.Pending.Answer(operation, respond.Result, now);
                break;
            case WaitForDoubt wait:
                account.Pending.Wait(operation, wait.IsForMoney, now);
                break;
            case AskOthers:
                StartDryRun(operation, now);
                break;
            case LookUpAgain:
                account.Runner.Begin(operation, now);
                break;
            case Expire expire:
                account.Rows.SendWhenDurable(expire.Caller.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
                account.Runner.Finish(operation, skipFirst: true, now);
                break;
            case RefuseSize refuse:
                account.Pending.GiveUp(
                    operation,
                    new RequestFailed(RequestFailure.TransactionTooLarge)
                    {
                        Size = refuse.Size, Limit = account.Options.TransactionBytesMax,
                    },
                    now);
                break;
            case Abandon:
                account.Runner.Finish(operation, skipFirst: false, now);
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
            at = account.Clock.BookedAt(now);
            seen = account.Rules.SeenBy(operation, decision);

            // What was never prepared is no attempt.
            var rejected = AsStored(branch) with { Attempt = 0 };
            position = new RowPosition(Address, account.Rows.Append(
                new TransactionRejected(rejected, decision.Leg.Index, decision.Status, seen, at), urgent: true));
        }

        account.Pending.Answer(
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
        account.Operations.SetPhase(operation, dryRun);
        operation.Resends = 0;
        foreach (var other in dryRun.OtherAccounts)
        {
            account.Rows.SendWhenDurable(other, new DryRunRequest(asked.SliceFor(other), dryRun.Round));
        }

        account.Runner.ScheduleResend(operation, now);
        account.Runner.RouteForeign(operation, now);
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
                account.Host.Send(other, new DryRunRequest(asked.SliceFor(other), dryRun.Round));
            }
        }

        account.Runner.ScheduleResend(operation, now);
    }

    /// <summary>An account says how it is.</summary>
    /// <param name="answer">What it says.</param>
    /// <param name="now">The time.</param>
    public void OnDryRunResponse(DryRunResponse answer, LedgerTime now)
    {
        if (!account.Operations.TryFind(answer.Id, out var operation) || operation.Phase is not DryRunning dryRun
            || dryRun.Round != answer.Round || !dryRun.OtherAccounts.Contains(answer.Report.Account))
        {
            return;
        }

        dryRun.Reports[answer.Report.Account] = answer.Report;
        if (dryRun.Reports.Count == dryRun.OtherAccounts.Count)
        {
            account.Runner.Continue(operation, now);
        }
    }

    // ---------------------------------------------------------------- preparing

    private void PrepareOrCommit(Operation operation, TransactionBranch resolved, LedgerTime now)
    {
        // Said again, with every amount, and all that is the hold's.
        var branch = account.Contexts.WithHoldRows(resolved);
        var others = branch.OtherAccounts();
        if (others.Count == 0)
        {
            // Openings of this very account: its own write is the commit.
            var at = account.Clock.JudgedAt(now);
            var row = account.Rows.Append(
                new LastAgentCommitted(branch, account.Clock.BookedAt(now)) { CommitTime = at }, urgent: true);
            var result = Results.Committed(branch, at, replayed: false, new RowPosition(Address, row));
            account.Pending.Answer(
                operation,
                operation.WantsAfter ? result with { After = [AccountAfter.Of(account.State, row)] } : result, now);
            return;
        }

        account.Rows.Append(new TransactionPrepared(branch, account.Clock.BookedAt(now)), urgent: true);
        account.Prepared.Add(account.State.PreparedCount, branch.Key);
        if (!branch.IsPlain)
        {
            account.Operations.Claim(operation, OperationIds.Of(branch, Address));
        }

        operation.Facts = default;
        account.Protocol.Start(operation, branch, others, now);
        account.Runner.RouteForeign(operation, now);
    }

    /// <summary>A participant asks what has become of an attempt. R2: that nothing is known of it is never said from
    /// memory.</summary>
    /// <param name="asked">The question.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="now">The time.</param>
    public void DecideOutcome(OutcomeRequest asked, IdFacts facts, LedgerTime now)
    {
        var branch = asked.Branch;
        var record = account.Resolver.FindRecord(branch.Key, branch.Digest, facts);
        if (record is null && account.State.Idempotency.Find(branch.Key) is not { IsFinal: true })
        {
            account.Rows.Append(
                new AbortRecorded(branch.Key, branch.Digest, account.Clock.BookedAt(now)), urgent: true);
        }

        account.Rows.SendWhenDurable(asked.Account, new Outcome(
            branch.Key, branch.Digest, record is { Status: TransferStatus.Created }, record?.Time ?? default)
        {
            Coordinator = Address,
        });
    }
}
