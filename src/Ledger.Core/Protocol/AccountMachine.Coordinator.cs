using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>The coordinator: decides what clients ask for, and coordinates it.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- coordinator: deciding

    private void DecideAsked(Operation operation, LedgerTime now)
    {
        var call = operation.Waiters.Count > 0 ? operation.Waiters[0] as AccountRequest : null;
        if (call is not null && now > call.Deadline)
        {
            // A look-up may have taken longer than the caller wanted to wait.
            rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
            Finish(operation, skipFirst: true, now);
            return;
        }

        if (!operation.HasFirst && operation.Input is AccountRequest given && now > given.Deadline)
        {
            // Who asked has been told that it is unknown; it must not be done later than was asked for.
            Finish(operation, skipFirst: false, now);
            return;
        }

        if (operation.IsExpiry && (state.FindHold(operation.Asked!.Legs[0].Transfer!.HoldId) is not { } hold || hold.Deadline > clock.JudgedAt(now)
            || hold.ExpiryId != operation.Asked.Id))
        {
            Finish(operation, skipFirst: false, now);
            return;
        }

        if (TryRespondKnown(operation, now))
        {
            return;
        }

        var asked = operation.Asked!;
        if (!operation.IsExpiry && IsOfTheFuture(asked, clock.JudgedAt(now), out var dated))
        {
            // As what is malformed: it is not journaled, and the id stays free. What was taken before is answered
            // above.
            var rejection = TransactionRejection.Of(
                asked, dated, TransferStatus.IdFromTheFuture, default, null, replayed: false);
            Respond(operation, rejection with
            {
                Status = TransferStatus.IdFromTheFuture, FailedLeg = Math.Max(dated, 0),
            });
            Finish(operation, skipFirst: operation.HasFirst, now);
            return;
        }

        var branch = asked;
        if (state.Idempotency.Find(asked.Id) is not null || FoundIn(operation.Known, asked.Id) is not null)
        {
            branch = branch with { Attempt = state.PreparedCount + 1 };
        }

        if (IsTooLarge(operation, branch, now))
        {
            return;
        }

        if (operation.Reports is null && !branch.IsPlain && branch.Legs.Any(leg => NeedsReport(branch, leg)))
        {
            StartDryRun(operation, now);
            return;
        }

        var decision = EvaluateLegs(branch, operation, now, out var resolved);
        if (decision.InDoubt)
        {
            WaitFor(operation, decision.IsForMoney, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            if (operation.Reports is null && MayBeOutranked(branch, decision))
            {
                StartDryRun(operation, now);
            }
            else
            {
                Reject(operation, branch, decision, now);
            }
        }
        else if (operation.IsDryRun)
        {
            if (operation.Reports is null && branch.OtherAccounts().Count > 0)
            {
                StartDryRun(operation, now);
            }
            else
            {
                Respond(operation, new TransactionResult(branch.Id, TransferStatus.None, -1, default, false, null, []));
                Finish(operation, skipFirst: operation.HasFirst, now);
            }
        }
        else if (limit.Refuse(branch, now) is { } reason)
        {
            if (operation.IsExpiry)
            {
                expiry.Pause(branch.Id, now, options.RetryAfterMax);
            }

            GiveUp(operation, reason, now);
        }
        else
        {
            if (operation.Retries >= ReportsExactMax)
            {
                // On an account that never rests, the report is never exact: what it said must still be there, no more.
                resolved = [.. resolved.Select(static leg => leg.Bound == AmountBound.None ? leg : leg with { Bound = AmountBound.Reported })];
            }

            // Opened meanwhile, perhaps.
            var coordinatorAsset = CoordinatorAssetOf(branch);
            Prepare(
                operation,
                resolved == branch.Legs && coordinatorAsset == branch.CoordinatorAsset
                    ? branch
                    : branch with { Legs = resolved, CoordinatorAsset = coordinatorAsset },
                now);
        }
    }

    // Whether an id is too far ahead, and the place of the first transfer with such an id; where it is the
    // transaction's own, of the first transfer. -1 where there is none.
    private static bool IsOfTheFuture(TransactionBranch asked, LedgerTime now, out int leg)
    {
        var all = IdWindow.IsOfTheFuture(asked.Id, now);
        for (leg = 0; leg < asked.Legs.Length && (all || !asked.IsPlain); leg++)
        {
            if (asked.Legs[leg].Transfer is { } transfer && (all || IdWindow.IsOfTheFuture(transfer.Id, now)))
            {
                return true;
            }
        }

        leg = -1;
        return all;
    }

    // What can't be stored, sent and shown is refused before anything is journaled: it would be in doubt for ever
    // (R17). Nothing is remembered of it either. A transfer that stands alone is never that large.
    private bool IsTooLarge(Operation operation, TransactionBranch branch, LedgerTime now)
    {
        if (branch.Legs.Length == 1)
        {
            return false;
        }

        var size = EncodedSize.OfAsked(branch);
        if (size <= options.TransactionBytesMax)
        {
            return false;
        }

        if (operation.HasFirst && operation.Waiters[0] is AccountRequest call)
        {
            rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.TransactionTooLarge) { Size = size, Limit = options.TransactionBytesMax });
        }

        Finish(operation, skipFirst: operation.HasFirst, now);
        return true;
    }

    private Asset CoordinatorAssetOf(TransactionBranch branch)
    {
        if (state.Spec is { } spec)
        {
            return spec.Asset;
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Opening is { } opening && opening.Address == Address)
            {
                return opening.Asset;
            }
        }

        return default;
    }

    // Whether the leg's amount, or its hold, is another account's to tell.
    private bool NeedsReport(TransactionBranch branch, ResolvedLeg leg) => leg.Transfer is { } transfer
        && (((transfer.Flags & TransferFlags.BalancingDebit) != TransferFlags.None && transfer.DebitAccount != Address)
            || ((transfer.Flags & TransferFlags.BalancingCredit) != TransferFlags.None && transfer.CreditAccount != Address)
            || (!transfer.Reverses.IsNil && transfer.Amount == Amount.MaxValue && transfer.DebitAccount != Address)
            || (transfer.ResolvesHold && !branch.IsDecidedBy(Address, leg)));

    // The resolution of a hold that stands alone is coordinated where the hold is debited, whatever accounts it names.
    private bool IsMine(TransactionBranch branch, ResolvedLeg leg) =>
        leg.Concerns(Address) || (branch.IsAlone && leg.Transfer!.ResolvesHold);

    // Goes through the legs in order, as far as accounts are known: this one as it is, the others by their reports.
    private LegDecision EvaluateLegs(TransactionBranch branch, Operation operation, LedgerTime now, out ImmutableArray<ResolvedLeg> resolved)
    {
        options.Deciding?.Invoke();
        var contexts = ContextsOf(branch, operation.Known, operation);
        var own = WorkingCopy.Take(
            state, contexts, clock.OldDoubtUpTo(now), dueBy: state.NextDeadline <= clock.JudgedAt(now) ? clock.JudgedAt(now) : null, options);
        Dictionary<AccountAddress, AccountWorkingCopy>? others = null;
        if (operation.Reports is { } reports)
        {
            others = [];
            foreach (var (account, report) in reports)
            {
                others.Add(account, new AccountWorkingCopy(report));
            }
        }

        resolved = branch.Legs;
        var legs = branch.Legs.Length == 1 ? null : ImmutableArray.CreateBuilder<ResolvedLeg>(branch.Legs.Length);
        var at = clock.JudgedAt(now);
        foreach (var leg in branch.Legs)
        {
            AccountWorkingCopy? debit;
            AccountWorkingCopy? credit = null;
            if (leg.Transfer is { } transfer)
            {
                // A hold that this account is the credit side of was asked for at the wrong one: its rules hold all the
                // same.
                debit = transfer.DebitAccount == Address
                    || (branch.IsAlone && transfer.ResolvesHold && own.ContextOf(leg.Index).Pending?.CreditAccount != Address)
                    ? own
                    : others?.GetValueOrDefault(transfer.DebitAccount);
                credit = debit != own && (transfer.CreditAccount == Address || (branch.IsAlone && transfer.ResolvesHold))
                    ? own
                    : others?.GetValueOrDefault(transfer.CreditAccount);
            }
            else
            {
                debit = leg.Opening!.Address == Address ? own : others?.GetValueOrDefault(leg.Opening.Address);
            }

            var decision = TransferRules.Decide(leg, debit, credit, default, at, isFixed: false);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (legs is null)
            {
                if (!ReferenceEquals(decision.Leg, branch.Legs[0]))
                {
                    resolved = [decision.Leg];
                }

                return decision;
            }

            debit?.Apply(decision.Leg);
            credit?.Apply(decision.Leg);
            legs.Add(decision.Leg);
        }

        resolved = legs is null ? [] : legs.MoveToImmutable();
        return new LegDecision(TransferStatus.None, resolved.Length > 0 ? resolved[0] : branch.Legs[0]);
    }

    private bool MayBeOutranked(TransactionBranch branch, LegDecision decision)
    {
        if (decision.Leg.Opening is not null ? decision.Leg.Index == 0 : branch.IsAlone
            && (branch.Legs[0].Transfer!.ResolvesHold
                || TransferStatusPrecedence.Outranks(decision.Status, TransferStatus.CreditAccountNotFound)))
        {
            return false;
        }

        return branch.OtherAccounts().Count > 0;
    }

    // A refusal for want of money waits no longer than a read. The last look is when the wait is over.
    private void WaitFor(Operation operation, bool isForMoney, LedgerTime now)
    {
        if (operation.Input is AccountRequest asked)
        {
            if (operation.GiveUpAt != default && now >= operation.GiveUpAt)
            {
                GiveUp(operation, RequestFailure.AccountInDoubt, now);
                return;
            }

            var until = isForMoney ? barrier.ReadUntil(asked, now) : ReadBarrier.CommandUntil(asked, now);
            operation.GiveUpAt = operation.GiveUpAt == default ? until : LedgerTime.Min(operation.GiveUpAt, until);
        }

        operations.SetPhase(operation, OperationPhase.Waiting);
        var pause = Backoff.Exponential(options.RetryAfter, options.RetryAfterMax, operation.Retries);
        operation.Retries++;
        operation.ResendAt = now.Add(Backoff.Spread(pause, operation.Ids[0], operation.Retries));
        if (operation.GiveUpAt != default && operation.GiveUpAt < operation.ResendAt)
        {
            operation.ResendAt = operation.GiveUpAt;
        }

        operation.WaitsSince = state.LastDecision;
        host.WakeAt(operation.ResendAt);
        RequeueForeignMessages(operation, now);
    }

    // What other accounts asked while ids were looked up does not wait for what this account waits for.
    private void RequeueForeignMessages(Operation operation, LedgerTime now)
    {
        List<AccountMessage>? others = null;
        for (var i = operation.Waiters.Count - 1; i >= 0; i--)
        {
            if (operation.Waiters[i] is not AccountRequest)
            {
                (others ??= []).Add(operation.Waiters[i]);
                operation.Waiters.RemoveAt(i);
            }
        }

        others?.Reverse();
        RouteAgain(others ?? [], now);
    }

    private void StartDryRun(Operation operation, LedgerTime now)
    {
        operations.SetPhase(operation, OperationPhase.DryRunning);
        operation.OtherAccounts = operation.Asked!.OtherAccounts();
        operation.Round = ++round;
        operation.Reports = [];
        operation.Resends = 0;
        foreach (var other in operation.OtherAccounts)
        {
            rows.SendWhenDurable(other, new DryRunRequest(operation.Asked.SliceFor(other), operation.Round));
        }

        ScheduleResend(operation, now);
        RequeueForeignMessages(operation, now);
    }

    private void OnDryRunResponse(DryRunResponse answer, LedgerTime now)
    {
        if (!operations.TryFind(answer.Id, out var operation) || operation.Phase != OperationPhase.DryRunning
            || operation.Round != answer.Round || !operation.OtherAccounts.Contains(answer.Report.Account))
        {
            return;
        }

        operation.Reports![answer.Report.Account] = answer.Report;
        if (operation.Reports.Count == operation.OtherAccounts.Count)
        {
            Continue(operation, now);
        }
    }

    private void Reject(Operation operation, TransactionBranch branch, LegDecision decision, LedgerTime now)
    {
        var at = clock.BookedAt(now);
        var position = default(RowPosition);
        var seen = SeenBy(operation, decision);
        if (!operation.IsExpiry && !operation.IsDryRun && !FollowsFromIds(decision))
        {
            // What was never prepared is no attempt.
            position = new RowPosition(Address, rows.Append(
                new TransactionRejected(AsStored(branch) with { Attempt = 0 }, decision.Leg.Index, decision.Status, seen, at),
                urgent: true));
        }
        else
        {
            at = default;
            seen = null;
        }

        Respond(operation, TransactionRejection.Of(
            branch, decision.Leg.Index, decision.Status, at, seen, replayed: false, position));
        Finish(operation, skipFirst: operation.HasFirst, now);
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

    // What follows from an id that is used up stays so for ever, without being journaled again.
    private static bool FollowsFromIds(LegDecision decision) => decision.Leg.Transfer is not null
        && (decision.Status == TransferStatus.IdAlreadyFailed || IsExists(decision.Status));

    private static bool IsExists(TransferStatus status) =>
        status is TransferStatus.Exists
        || (!TransferStatusPrecedence.Outranks(status, TransferStatus.ExistsWithDifferentTransfers)
            && !TransferStatusPrecedence.Outranks(TransferStatus.Exists, status));

    // The balances are those of the account whose reason it is.
    private Balances? SeenBy(Operation operation, LegDecision decision)
    {
        if (decision.Leg.Transfer is not { } transfer)
        {
            return null;
        }

        var account = decision.Status is TransferStatus.CreditAccountNotFound or TransferStatus.ExceedsDebits
            or TransferStatus.CreditAccountAlreadyClosed or TransferStatus.CreditAccountFrozen
            or TransferStatus.OverflowsCredits or TransferStatus.OverflowsCreditsPending or TransferStatus.OverflowsCreditsPosted
            ? transfer.CreditAccount
            : transfer.DebitAccount;
        if (account == Address || account.IsNone)
        {
            return state.Spec is null ? null : state.Balances;
        }

        return operation.Reports?.GetValueOrDefault(account) is { Spec: not null } report ? report.Balances : null;
    }

    // ---------------------------------------------------------------- coordinator: the commit

    private void Prepare(Operation operation, TransactionBranch branch, LedgerTime now)
    {
        // Said again, with every amount, and all that is the hold's.
        branch = WithHoldRows(branch);
        operation.Branch = branch;
        operation.Reports = null;
        operation.OtherAccounts = branch.OtherAccounts();
        if (operation.OtherAccounts.Count == 0)
        {
            // Openings of this very account: its own write is the commit.
            var at = clock.JudgedAt(now);
            var row = rows.Append(new LastAgentCommitted(branch, clock.BookedAt(now)) { CommitTime = at }, urgent: true);
            var result = Committed(branch, at, replayed: false, new RowPosition(Address, row));
            Respond(operation, operation.WantsAfter ? result with { After = [AccountAfter.Of(state, row)] } : result);
            Finish(operation, skipFirst: operation.HasFirst, now);
            return;
        }

        rows.Append(new TransactionPrepared(branch, clock.BookedAt(now)), urgent: true);
        operation.Since = now;
        operations.AddAttempt(branch.Key, operation);
        prepared.Add(state.PreparedCount, branch.Key);
        if (!branch.IsPlain)
        {
            operations.Claim(operation, OperationIds.Of(branch, Address));
        }

        operation.Known = null;
        StartVoting(operation, now);
        RequeueForeignMessages(operation, now);
    }

    // From here only the last agent's journal decides (R1).
    private void StartVoting(Operation operation, LedgerTime now)
    {
        if (operation.OtherAccounts.Count == 0)
        {
            operation.OtherAccounts = operation.Branch!.OtherAccounts();
        }

        operation.Resends = 0;
        operation.Cancel = false;
        operation.Verdict = null;
        if (operation.OtherAccounts.Count == 1)
        {
            AskLastAgent(operation, now);
            return;
        }

        operations.SetPhase(operation, OperationPhase.Voting);
        operation.Votes = [];
        foreach (var participant in operation.Participants)
        {
            rows.SendWhenDurable(participant, new PrepareRequest(operation.Branch!.SliceFor(participant)) { Time = clock.JudgedAt(now) });
        }

        ScheduleResend(operation, now);
    }

    private void AskLastAgent(Operation operation, LedgerTime now)
    {
        operations.SetPhase(operation, OperationPhase.Committing);
        SendCommit(operation, now);
    }

    // What a participant has spent came before its vote, which this account books nowhere: so the last agent is told of
    // all their times (I11).
    private void SendCommit(Operation operation, LedgerTime now)
    {
        var time = clock.JudgedAt(now);
        if (operation.Votes is { } votes)
        {
            foreach (var vote in votes.Values)
            {
                time = vote.Time > time ? vote.Time : time;
            }
        }

        rows.SendWhenDurable(operation.LastAgent, new CommitRequest(operation.Branch!.SliceFor(operation.LastAgent), operation.Cancel)
        {
            Time = time, ReturnBalances = operation.WantsAfter, Verdict = operation.Cancel ? operation.Verdict : null,
        });
        ScheduleResend(operation, now);
    }

    private void OnVote(Vote vote, LedgerTime now)
    {
        if (FindAttempt(vote.Key, vote.Digest) is not { Phase: OperationPhase.Voting } operation || !operation.HasParticipant(vote.Account))
        {
            return;
        }

        if (future.TryDrop(vote.Time, now))
        {
            // Its time would stay in the close, and the last agent would not take that for as long as it lies ahead:
            // perhaps for ever. The participant is asked again, and by then its clock may be right.
            return;
        }

        operation.Votes![vote.Account] = vote;
        if (operation.Votes.Count == operation.OtherAccounts.Count - 1)
        {
            operation.Cancel = operation.Votes.Values.Any(static one => one.Kind != VoteKind.Yes);
            operation.Resends = 0;
            AskLastAgent(operation, now);
        }
    }

    private void OnCommitResponse(CommitResponse answer, LedgerTime now)
    {
        if (FindAttempt(answer.Key, answer.Digest) is not { Phase: OperationPhase.Voting or OperationPhase.Committing } operation)
        {
            // An answer to a duplicate: it is decided already.
            return;
        }

        if (operation.Phase == OperationPhase.Voting && !answer.Committed)
        {
            // A former incarnation had asked, but the votes that name the reason are to come (R15); then it says so
            // again.
            return;
        }

        operation.Committed = answer.Committed;
        operation.CommitTime = answer.Time;
        operation.DecidedRow = answer.Row;
        operation.Acks = [];
        operation.After = null;
        AddAfter(operation, answer.After);
        operation.Resends = 0;
        if (answer.Committed)
        {
            if (operation.OtherAccounts.Count == 1)
            {
                FinishCommit(operation, now);
                return;
            }

            operations.SetPhase(operation, OperationPhase.Notifying);
        }
        else
        {
            var refusal = SelectRejectionOrFailure(operation, answer);
            if (refusal is not null && operation.IsExpiry)
            {
                // The end of a hold is never refused but by a defect (R12). It is not over, and tried again after long.
                refusal = null;
                operation.IsRefused = true;
            }

            operation.AbortTime = clock.BookedAt(now);
            operation.DecidedRow = rows.Append(
                new TransactionAborted(
                    answer.Key, refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, clock.BookedAt(now)),
                urgent: true);
            operation.Refusal = refusal;
            if (operation.OtherAccounts.Count == 1)
            {
                FinishAbort(operation, now);
                return;
            }

            operations.SetPhase(operation, OperationPhase.Releasing);
            operation.AnswerBy = now.Add(options.ReleaseWait);
            host.WakeAt(operation.AnswerBy);
        }

        NotifyParticipants(operation, now);
    }

    // The lowest leg that fails decides, and on it the reason that ranks higher (R15). Null: something was in doubt.
    private static Refusal? SelectRejection(Operation operation, Refusal? lastAgents)
    {
        if (lastAgents?.Reason == TransferStatus.AbortedByOperator)
        {
            // It is over for good: another attempt would be in doubt as this one was.
            return lastAgents;
        }

        var refusals = new List<Refusal>();
        foreach (var vote in operation.Votes?.Values ?? Enumerable.Empty<Vote>())
        {
            if (vote.Kind == VoteKind.InDoubt)
            {
                return null;
            }

            if (vote.Refusal is { } refusal)
            {
                refusals.Add(refusal);
            }
        }

        if (lastAgents is not null)
        {
            refusals.Add(lastAgents);
        }

        if (refusals.Count == 0)
        {
            return null;
        }

        var first = refusals.Min(static one => one.Leg);
        refusals.RemoveAll(one => one.Leg != first);
        var worst = refusals[0];
        if (operation.Branch!.Legs[first].Opening is not null)
        {
            return worst;
        }

        foreach (var refusal in refusals)
        {
            worst = TransferStatusPrecedence.Outranks(refusal.Reason, worst.Reason) ? refusal : worst;
        }

        // Each side alone can only say that the transfer's asset is not its own. If the other one's is, or is another
        // one still, then the accounts differ, which ranks higher.
        return worst.Reason == TransferStatus.TransferMustHaveTheSameLedgerAsAccounts
            && (refusals.Count == 1 || refusals[0].Asset != refusals[1].Asset)
                ? worst with { Reason = TransferStatus.AccountsMustHaveTheSameLedger }
                : worst;
    }

    private void NotifyParticipants(Operation operation, LedgerTime now)
    {
        var outcome = new Outcome(
            operation.Branch!.Key, operation.Branch.Digest, operation.Committed, operation.Committed ? operation.CommitTime : default)
        {
            Coordinator = Address, ReturnBalances = operation.WantsAfter,
        };
        foreach (var participant in operation.Participants)
        {
            if (!operation.Acks!.Contains(participant))
            {
                rows.SendWhenDurable(participant, outcome);
            }
        }

        ScheduleResend(operation, now);
    }

    private void OnAcknowledged(OutcomeAck ack, LedgerTime now)
    {
        if (FindAttempt(ack.Key, ack.Digest) is not { Phase: OperationPhase.Notifying or OperationPhase.Releasing } operation
            || !operation.HasParticipant(ack.Account) || !operation.Acks!.Add(ack.Account))
        {
            return;
        }

        AddAfter(operation, ack.After);
        if (operation.Acks.Count < operation.OtherAccounts.Count - 1)
        {
            return;
        }

        if (operation.Committed)
        {
            FinishCommit(operation, now);
        }
        else
        {
            FinishAbort(operation, now);
        }
    }

    private void FinishCommit(Operation operation, LedgerTime now)
    {
        var branch = operation.Branch!;
        var commit = CommitOf(branch, operation.CommitTime, now);
        rows.AppendLazily(commit, operation.Size, now);
        expiry.Forget(branch.Id);
        if (operation.HasFirst)
        {
            // The commit is durable at the last agent, and everybody's preparation and the participants' outcomes are
            // durable too: whatever is lost here, recovery asks the last agent and answers the same. So the answer need
            // not wait for any row of this account, and must not: the client is told at once.
            var call = (AccountRequest)operation.Waiters[0];
            var position = RowPosition.Of(operation.LastAgent, operation.DecidedRow);
            var result = Committed(branch, operation.CommitTime, replayed: false, position);
            if (operation.WantsAfter && state.Spec is not null)
            {
                // Its own counters rest on all that it has decided, and so they wait for that to be durable (R8).
                AddAfter(operation, AccountAfter.Of(state, commit.PreparedSequenceNr));
                rows.SendWhenDurable(call.ReplyTo, RespondTo(call, result with { After = operation.After! }, branch));
            }
            else
            {
                rows.SendNow(call.ReplyTo, RespondTo(call, result));
            }
        }

        Finish(operation, skipFirst: operation.HasFirst, now);
    }

    private static void AddAfter(Operation operation, AccountAfter? after)
    {
        if (after is not null && operation.WantsAfter)
        {
            (operation.After ??= []).Add(after);
        }
    }

    private void FinishAbort(Operation operation, LedgerTime now)
    {
        var branch = operation.Branch!;
        if (operation.Refusal is { } refusal)
        {
            if (operation.HasFirst)
            {
                Respond(operation, TransactionRejection.Of(
                    branch, refusal.Leg, refusal.Reason, operation.AbortTime, refusal.Seen, replayed: false,
                    new RowPosition(Address, operation.DecidedRow)));
            }

            Finish(operation, skipFirst: operation.HasFirst, now);
            return;
        }

        // Something was in doubt: the attempt is over, the request is not.
        operations.Unclaim(operation);
        ReleaseReaders(now);
        if (operation.IsExpiry)
        {
            // It starts again by itself, for as long as the hold is due.
            expiry.Pause(operation.Branch!.Id, now, operation.IsRefused ? options.FailedExpiryPauseMax : options.RetryAfterMax);
            RouteAgain(operation.Waiters, now);
            return;
        }

        if (!operation.HasFirst)
        {
            RouteAgain(operation.Waiters, now);
            return;
        }

        var again = new Operation(operation.Input, operation.Asked) { HasFirst = true, Retries = operation.Retries, GiveUpAt = operation.GiveUpAt };
        again.Waiters.AddRange(operation.Waiters.Where(static waiter => waiter is AccountRequest));
        operations.Claim(again, OperationIds.Of(again.Asked!, Address));
        WaitFor(again, isForMoney: false, now);

        // What other accounts ask does not wait with it.
        RouteAgain(operation.Waiters.Where(static waiter => waiter is not AccountRequest).ToArray(), now);
    }

    private TransactionCommitted CommitOf(TransactionBranch branch, LedgerTime commitTime, LedgerTime now)
    {
        List<TransferId>? ended = null;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { ResolvesHold: true } transfer && transfer.CreditAccount == Address
                && leg.HoldAfter != HoldState.Live)
            {
                (ended ??= []).Add(transfer.HoldId);
            }
        }

        var committed = new TransactionCommitted(
            branch.Key, state.FindInDoubt(branch.Key)!.SequenceNr, commitTime, clock.BookedAt(now, commitTime));
        return ended is null ? committed : committed with { EndedHolds = ended };
    }

    private Operation? FindAttempt(TransferId key, UInt128 digest) =>
        operations.FindAttempt(key) is { } operation && operation.Branch!.Digest == digest ? operation : null;

    // Nothing waits any longer: who asked learns why, and has used no id.
    private void GiveUp(Operation operation, RequestFailure reason, LedgerTime now)
    {
        if (operation.HasFirst)
        {
            rows.SendWhenDurable(((AccountRequest)operation.Waiters[0]).ReplyTo, new RequestFailed(reason));
        }

        Finish(operation, skipFirst: operation.HasFirst, now);
    }

    // Takes an operation off, and lets those go on that waited for it.
    private void Finish(Operation operation, bool skipFirst, LedgerTime now)
    {
        operations.Unclaim(operation);
        if (operation.Waiters.Count > (skipFirst ? 1 : 0))
        {
            RouteAgain(skipFirst ? operation.Waiters.Skip(1) : operation.Waiters, now);
        }

        ReleaseReaders(now);
    }
}
