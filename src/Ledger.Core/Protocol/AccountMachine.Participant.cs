using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>The other accounts of a transaction: participants, the last agent, and all of them when they are only
/// asked.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- participant

    private void DecidePrepare(Operation operation, PrepareRequest prepare, LedgerTime now)
    {
        var branch = prepare.Branch;
        if (FindRecord(branch.Key, branch.Digest, operation.Known) is { } status)
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

        var used = ConsumedId(branch, operation.Known);
        var decision = used != TransferStatus.None ? new LegDecision(used, branch.Legs[0])
            : state.Idempotency.Find(branch.Key) is not null || FoundIn(operation.Known, branch.Key) is not null
                ? LegDecision.Doubt(branch.Legs[0])
            : VerifyOrRefuse(branch, operation.Known, operation, prepare, clock.JudgedAt(now, prepare.Time));
        if (decision.InDoubt || (decision.Status == TransferStatus.None && limit.Refuse(branch, now) is not null))
        {
            operations.Unclaim(operation);
            SendVote(branch, VoteKind.InDoubt, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            operations.Unclaim(operation);
            SendVote(branch, VoteKind.No, RefusalOf(decision), now);
        }
        else
        {
            branch = WithHoldRows(branch);
            operation.Branch = branch;
            operation.Since = now;
            rows.Append(new TransactionPrepared(branch, clock.BookedAt(now, prepare.Time)), urgent: true);
            operations.AddAttempt(branch.Key, operation);
            prepared.Add(state.PreparedCount, branch.Key);
            operations.SetPhase(operation, OperationPhase.Reserved);
            operation.Known = null;
            SendVote(branch, VoteKind.Yes, null, now);
            ScheduleResend(operation, now);
            RequeueForeignMessages(operation, now);
        }
    }

    private void SendVote(TransactionBranch branch, VoteKind kind, Refusal? refusal, LedgerTime now) =>
        rows.SendWhenDurable(branch.Coordinator, new Vote(branch.Key, branch.Digest, Address, kind, refusal) { Time = clock.JudgedAt(now) });

    private Refusal RefusalOf(LegDecision decision) => new(
        decision.Leg.Index, decision.Status, state.Spec?.Asset ?? default, state.Spec is null ? null : state.Balances);

    private void OnOutcome(Outcome outcome, LedgerTime now)
    {
        if (FindAttempt(outcome.Key, outcome.Digest) is { Phase: OperationPhase.Reserved } operation)
        {
            var branch = operation.Branch!;
            var row = rows.Append(
                outcome.Committed
                    ? CommitOf(branch, outcome.Time, now)
                    : new TransactionAborted(branch.Key, -1, TransferStatus.None, null, clock.BookedAt(now)),
                urgent: true);
            rows.SendWhenDurable(branch.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, Address)
            {
                After = outcome is { Committed: true, ReturnBalances: true } ? AccountAfter.Of(state, row) : null,
            });
            Finish(operation, skipFirst: false, now);
        }
        else if (!outcome.Committed)
        {
            // What was never prepared needs no release: should a late request still prepare it, this account asks.
            rows.SendWhenDurable(outcome.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
        else if (operations.FindAttempt(outcome.Key) is null)
        {
            Route(outcome, now);
        }
    }

    // That it is done is said by the record of it, in memory or in the journal: an incarnation that has been overtaken
    // may know less than the one that has prepared.
    private void Acknowledge(Outcome outcome, Dictionary<TransferId, IdHistory?>? known)
    {
        if (FindRecord(outcome.Key, outcome.Digest, known) is { Status: TransferStatus.Created })
        {
            rows.SendWhenDurable(outcome.Coordinator, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
    }

    // R2: that nothing is known of it is never said from memory.
    private void DecideOutcome(OutcomeRequest asked, Dictionary<TransferId, IdHistory?>? known, LedgerTime now)
    {
        var branch = asked.Branch;
        var record = FindRecord(branch.Key, branch.Digest, known);
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

    // ---------------------------------------------------------------- last agent

    private void DecideCommit(CommitRequest close, Dictionary<TransferId, IdHistory?>? known, LedgerTime now)
    {
        var branch = close.Branch;
        if (FindRecord(branch.Key, branch.Digest, known) is { } record)
        {
            RespondToCommit(branch, record);
            return;
        }

        var used = ConsumedId(branch, branch.Key, known);
        if (used != TransferStatus.None)
        {
            // What used it up is journaled, and stays so: that is the refusal.
            rows.SendWhenDurable(branch.Coordinator, new CommitResponse(
                branch.Key, branch.Digest, false, clock.JudgedAt(now), RefusalOf(new LegDecision(used, branch.Legs[0])) with { Seen = null }));
            return;
        }

        if (future.TryKeep(close, branch.Key, close.Time, now))
        {
            return;
        }

        used = ConsumedId(branch, known);
        if (used != TransferStatus.None)
        {
            RefuseCommit(close, RefusalOf(new LegDecision(used, branch.Legs[0])) with { Seen = null }, now);
            return;
        }

        if (state.Idempotency.Find(branch.Key) is not null || FoundIn(known, branch.Key) is not null)
        {
            // An attempt of another content under this key was refused: this one needs a key of its own.
            RefuseCommit(close, null, now);
            return;
        }

        if (close is { Cancel: true, Verdict: not null })
        {
            // Whatever the legs would come to, and whether or not that can be decided.
            RefuseCommit(close, null, now);
            return;
        }

        var decision = VerifyOrRefuse(branch, known, null, close, clock.JudgedAt(now, close.Time));
        if (decision.InDoubt)
        {
            RefuseCommit(close, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            RefuseCommit(close, RefusalOf(decision), now);
        }
        else if (close.Cancel)
        {
            RefuseCommit(close, null, now);
        }
        else
        {
            var at = clock.JudgedAt(now, close.Time);
            var row = rows.Append(new LastAgentCommitted(WithHoldRows(branch), clock.BookedAt(now, at)) { CommitTime = at }, urgent: true);
            rows.SendWhenDurable(branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, true, at, null)
            {
                Row = row, After = close.ReturnBalances ? AccountAfter.Of(state, row) : null,
            });
            ReleaseReaders(now);
        }
    }

    // Whether another transaction has used up the id here, or that of the attempt: that is journaled, and stays so
    // (R7).
    private TransferStatus ConsumedId(TransactionBranch branch, Dictionary<TransferId, IdHistory?>? known)
    {
        var status = ConsumedId(branch, branch.Key, known);
        return status != TransferStatus.None || branch.Attempt == 0 ? status : ConsumedId(branch, branch.Id, known);
    }

    private TransferStatus ConsumedId(TransactionBranch branch, TransferId id, Dictionary<TransferId, IdHistory?>? known)
    {
        var found = FoundIn(known, id);
        var used = found?.Last;
        var remembered = state.Idempotency.Find(id);
        if (used is { Status: TransferStatus.Created } || remembered is { Status: TransferStatus.Created })
        {
            return used is not null && branch.IsAlone
                ? CompareWith(used, branch.Legs[0].Transfer!, known)
                : TransferStatus.ExistsWithDifferentTransfers;
        }

        return remembered is { IsFinal: true } || found is { IsConsumed: true }
            ? TransferStatus.IdAlreadyFailed
            : TransferStatus.None;
    }

    private void RefuseCommit(CommitRequest close, Refusal? refusal, LedgerTime now)
    {
        var branch = close.Branch;
        var at = clock.BookedAt(now, close.Time);
        if (refusal is null && close is { Cancel: true, Verdict: not null })
        {
            refusal = RefusalOf(new LegDecision(TransferStatus.AbortedByOperator, branch.Legs[0]));
        }

        rows.Append(
            new LastAgentRefused(WithHoldRows(branch), refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, at)
            {
                Verdict = refusal?.Reason == TransferStatus.AbortedByOperator ? close.Verdict : null,
            },
            urgent: true);
        rows.SendWhenDurable(branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, false, at, refusal));
    }

    private void RespondToCommit(TransactionBranch branch, IdempotencyRecord record)
    {
        var committed = record.Status == TransferStatus.Created;
        rows.SendWhenDurable(branch.Coordinator, new CommitResponse(
            branch.Key, branch.Digest, committed, record.Time,
            committed || record.Status == TransferStatus.None
                ? null
                : new Refusal(
                    record.Details.FailedLeg, record.Status, state.Spec?.Asset ?? default, record.Details.Seen))
        {
            Row = committed ? record.SequenceNr : 0,
        });
    }

    // Goes through this account's legs, whose amounts are given.
    private LegDecision Verify(TransactionBranch branch, Dictionary<TransferId, IdHistory?>? known, Operation? operation, LedgerTime at)
    {
        options.Deciding?.Invoke();
        var copy = WorkingCopy.Take(state, ContextsOf(branch, known, operation), clock.OldDoubtUpTo(at), dueBy: null, options);
        LegDecision decision = default;
        foreach (var leg in branch.Legs)
        {
            if (!leg.Concerns(Address))
            {
                continue;
            }

            var isDebit = leg.Transfer is null || leg.Transfer.DebitAccount == Address;
            var other = leg.Transfer is { } transfer
                && (isDebit ? transfer.CreditAccount : transfer.DebitAccount) == branch.Coordinator
                    ? branch.CoordinatorAsset
                    : default;
            decision = TransferRules.Decide(
                leg, isDebit ? copy : null, isDebit ? null : copy, other, at, isFixed: true);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (branch.Legs.Length > 1)
            {
                copy.Apply(leg);
            }
        }

        return decision;
    }

    // ---------------------------------------------------------------- dry run (R14, R15)

    // Questions of other accounts about ids that are in hand here.
    private List<WhileClaimed>? whileClaimed;

    private sealed record WhileClaimed(
        DryRunRequest DryRun, HashSet<long> Missing, Dictionary<TransferId, IdHistory?> Known);

    // Something else is being done about one of its ids, which must not wait for the question, nor the question for it.
    // What only the journal can tell is looked up besides (R4).
    private void RespondToDryRunWhileClaimed(DryRunRequest dryRun, Operation owner)
    {
        var branch = dryRun.Branch;
        var known = owner.Known is null ? [] : new Dictionary<TransferId, IdHistory?>(owner.Known);
        TransferId[] uncertain = [.. OperationIds.Of(branch, Address).Where(id => id != branch.Id && id != branch.Key && state.FindHold(id) is null
            && (state.Idempotency.Find(id) is not null || state.Idempotency.MayHaveForgotten(id)) && !known.ContainsKey(id))];
        if (uncertain.Length == 0)
        {
            RespondToDryRun(dryRun, known);
            return;
        }

        rows.RecordCommits();
        var missing = new HashSet<long>();
        foreach (var id in uncertain)
        {
            Ask(LookupOf(id, 0, withLater: true));
            missing.Add(lookupCount);
        }

        (whileClaimed ??= []).Add(new WhileClaimed(dryRun, missing, known));
    }

    // The journal has answered about an id, or could not: then who asked asks again.
    private void RunDeferredWhileClaimed(IdLookup lookup, IdHistory? found, bool failed)
    {
        for (var i = (whileClaimed?.Count ?? 0) - 1; i >= 0; i--)
        {
            var one = whileClaimed![i];
            if (!one.Missing.Remove(lookup.Number))
            {
                continue;
            }

            one.Known[lookup.Id] = found;
            if (failed || one.Missing.Count == 0)
            {
                whileClaimed.RemoveAt(i);
                if (!failed)
                {
                    RespondToDryRun(one.DryRun, one.Known);
                }
            }
        }
    }

    private void RespondToDryRun(DryRunRequest dryRun, Dictionary<TransferId, IdHistory?>? known)
    {
        ImmutableArray<LegContext> told;
        var before = rows.Changes;
        try
        {
            options.Deciding?.Invoke();
            var branch = dryRun.Branch;
            var contexts = ContextsOf(branch, known, null);
            told = [.. branch.Legs.Where(leg => leg.Transfer is not null).Select(leg => contexts?.Invoke(leg.Index) ?? new LegContext(leg.Index))];
            if (branch.Legs.Any(static leg => leg.IsHold))
            {
                told = WithHeadroomForHolds(branch, told);
            }
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(dryRun, e, lastNow);
            return;
        }

        SendReport(dryRun, state.IsOpeningOrClosingInDoubt, told);
    }

    // Whether there is room for each hold that is asked for, after what the legs before it make and end.
    private ImmutableArray<LegContext> WithHeadroomForHolds(TransactionBranch branch, ImmutableArray<LegContext> contexts)
    {
        var copy = WorkingCopy.Take(state, null, clock.OldDoubtUpTo(lastNow), dueBy: null, options);
        var told = contexts.ToBuilder();

        // The holds that its legs name: each with what is left of it, null where only the coordinator can know.
        Dictionary<TransferId, (Transfer Hold, Amount? Left, bool IsEnded)> named = [];
        var place = -1;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            place++;
            if (leg.IsHold)
            {
                var problem = copy.CheckHolds(
                    leg, transfer.DebitAccount == Address ? transfer.CreditAccount : transfer.DebitAccount);
                told[place] = problem == TransferStatus.None ? told[place]
                    : copy.MayHaveMoreHeadroom ? told[place] with { InDoubt = true }
                    : told[place] with { HoldProblem = problem };
                copy.CountHold(transfer, 1);
                named[transfer.Id] = (
                    transfer, transfer.IsBalancing || !transfer.Reverses.IsNil ? null : transfer.Amount, IsEnded: false);
            }
            else if (transfer.ResolvesHold)
            {
                if (!named.TryGetValue(transfer.HoldId, out var one))
                {
                    if (told[place] is not { HoldProblem: TransferStatus.None, Pending: { } hold } context)
                    {
                        continue;
                    }

                    one = (hold, context.Remaining, IsEnded: false);
                }

                var left = LeftOf(transfer, one.Left);

                // Where it can't be known here, there is room: the vote, which sees the amounts, judges again.
                var ends = left is null or { IsZero: true };
                if (ends && !one.IsEnded)
                {
                    copy.CountHold(one.Hold, -1);
                }

                named[transfer.HoldId] = (one.Hold, left, ends);
            }
        }

        return told.MoveToImmutable();
    }

    // What a post or a void leaves of a hold; null where that can't be known.
    private static Amount? LeftOf(Transfer transfer, Amount? before) =>
        (transfer.Flags & TransferFlags.KeepRest) == TransferFlags.None || transfer.Amount == Amount.MaxValue ? Amount.Zero
        : before is { } left ? left > transfer.Amount ? left - transfer.Amount : Amount.Zero
        : null;

    private void SendReport(DryRunRequest dryRun, bool inDoubt, ImmutableArray<LegContext> contexts)
    {
        var favour = state.FavourOf(clock.OldDoubtUpTo(lastNow), dueBy: null);
        rows.SendWhenDurable(dryRun.Branch.Coordinator, new DryRunResponse(dryRun.Branch.Id, dryRun.Round, new AccountReport(
            Address, state.Spec, state.ClosedByChange, state.Freeze, state.Balances, state.Load, inDoubt, contexts)
        {
            OpenedWith = state.OpenedWith,
            ClosedByHold = state.ClosedByHold,
            DebitFavour = favour.Debit,
            CreditFavour = favour.Credit,
        }));
    }

    // What this account knows of the ids that its legs name.
    private Func<int, LegContext>? ContextsOf(TransactionBranch branch, Dictionary<TransferId, IdHistory?>? known, Operation? operation)
    {
        if (branch.Attempt == 0 && branch.Legs is [{ Transfer: { ResolvesHold: false, Reverses.IsNil: true } }] && branch.IsAlone)
        {
            // Its id is the attempt's own, and it names no other.
            return null;
        }

        Dictionary<int, LegContext> contexts = [];
        Dictionary<TransferId, Amount>? reversing = null;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && branch.IsDecidedBy(Address, leg))
            {
                var context = new LegContext(leg.Index);
                if (transfer.Id != branch.Id || branch.Attempt > 0)
                {
                    context = WithOwnId(context, transfer, known, operation);
                }

                if (transfer.ResolvesHold)
                {
                    context = WithHold(context, transfer, known, operation);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    context = WithReversed(context, transfer, known, operation, reversing?.GetValueOrDefault(transfer.Reverses) ?? Amount.Zero);
                    reversing ??= [];
                    reversing[transfer.Reverses] =
                        reversing.GetValueOrDefault(transfer.Reverses).TryAdd(transfer.Amount, out var sum) ? sum : Amount.MaxValue;
                }

                contexts[leg.Index] = context;
            }
        }

        return index => contexts.TryGetValue(index, out var context) ? context : new LegContext(index);
    }

    private LegContext WithOwnId(LegContext context, Transfer transfer, Dictionary<TransferId, IdHistory?>? known, Operation? operation)
    {
        if (operations.IsPreparedElsewhere(transfer.Id, operation))
        {
            return context with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Id) is { Last: { } record } found)
        {
            return record.Status == TransferStatus.Created ? context with { Known = CompareWith(record, transfer, known) }
                : found.IsConsumed ? context with { Known = TransferStatus.IdAlreadyFailed }
                : context;
        }

        return state.Idempotency.Find(transfer.Id) switch
        {
            // Decided while the question was out: asking again tells which field differs.
            { Status: TransferStatus.Created } => context with { InDoubt = true },
            { IsFinal: true } => context with { Known = TransferStatus.IdAlreadyFailed },
            _ => context,
        };
    }

    private LegContext WithHold(LegContext context, Transfer transfer, Dictionary<TransferId, IdHistory?>? known, Operation? operation)
    {
        var id = transfer.HoldId;
        if (operations.IsPreparedElsewhere(id, operation) || (state.IsLocked(id) && (operation?.Branch is null || !state.IsLocked(id))))
        {
            return context with { InDoubt = true };
        }

        if (state.FindHold(id) is { } hold)
        {
            return context with
            {
                Pending = WithoutText(hold.Transfer, hold.Amount), Remaining = hold.Remaining, Deadline = hold.Deadline,
            };
        }

        if (FoundIn(known, id) is not { Last: { Status: TransferStatus.Created } record } found)
        {
            return context with { HoldProblem = TransferStatus.PendingTransferNotFound };
        }

        var leg = record.Leg ?? (record.Branch.IsAlone ? record.Branch.Legs[0] : null);
        if (leg is not { IsHold: true })
        {
            return context with { HoldProblem = TransferStatus.PendingTransferNotPending };
        }

        var end = state.Idempotency.Find(id)?.Details.Hold is { } remembered and not (HoldState.None or HoldState.Live)
            ? remembered
            : found.Hold;
        return context with
        {
            Pending = WithoutText(leg.Transfer!, leg.Amount),
            HoldProblem = end switch
            {
                HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                HoldState.Voided => TransferStatus.PendingTransferAlreadyVoided,
                HoldState.Expired => TransferStatus.PendingTransferExpired,
                _ => TransferStatus.PendingTransferNotFound,
            },
        };
    }

    // A hold as its resolutions are decided by it, and as it is told to others: many of them must fit into one answer.
    private static Transfer WithoutText(Transfer hold, Amount amount) =>
        hold with { Amount = amount, Reference = "", Metadata = Metadata.Empty };

    // Which rows of this stream hold what posts and voids leave to their holds: another account has them in others.
    private TransactionBranch WithHoldRows(TransactionBranch branch)
    {
        ImmutableArray<ResolvedLeg>.Builder? legs = null;
        for (var i = 0; i < branch.Legs.Length; i++)
        {
            var leg = branch.Legs[i];
            if (leg.Transfer is not { ResolvesHold: true } transfer)
            {
                continue;
            }

            var row = leg.Concerns(Address) && state.FindHold(transfer.HoldId) is { } hold && hold.HasTextFor(transfer)
                ? hold.SequenceNr
                : 0;
            if (row != leg.HoldRow)
            {
                (legs ??= branch.Legs.ToBuilder())[i] = leg with { HoldRow = row };
            }
        }

        return legs is null ? branch : branch with { Legs = legs.MoveToImmutable() };
    }

    private LegContext WithReversed(
        LegContext context, Transfer transfer, Dictionary<TransferId, IdHistory?>? known, Operation? operation, Amount before)
    {
        if (operations.IsPreparedElsewhere(transfer.Reverses, operation))
        {
            return context with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Reverses) is not { Last: { Status: TransferStatus.Created } record } found
            || (record.Leg ?? (record.Branch.IsAlone ? record.Branch.Legs[0] : null)) is not { Transfer: { } original } leg)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferNotFound };
        }

        if (!leg.IsPosting)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferNotPosted };
        }

        if (original.DebitAccount != transfer.CreditAccount || original.CreditAccount != transfer.DebitAccount)
        {
            return context with { ReversalProblem = TransferStatus.ReversedTransferHasDifferentAccounts };
        }

        var left = found.Reversed < leg.Amount ? leg.Amount - found.Reversed : Amount.Zero;
        return context with { Reversible = before < left ? left - before : Amount.Zero };
    }
}
