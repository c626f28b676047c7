using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>What a coordinator does about a request: a function of the request, the account's state, what the journal
/// and the other accounts have said, and the time. It changes nothing.</summary>
internal readonly struct CoordinatorRules(
    AccountState state, AccountTime clock, LegContexts contexts, AccountMachineOptions options)
{
    // On an account that never rests, a report is never exact: after so many attempts what it said must still be there,
    // and no more.
    private const int ReportsExactMax = 5;

    private AccountAddress Address => state.Address;

    /// <summary>Decides.</summary>
    /// <param name="operation">The request, with what was found out for it.</param>
    /// <param name="now">The time.</param>
    public CoordinatorDecision Decide(Operation operation, LedgerTime now)
    {
        var asked = AskedOf(operation);
        if (operation.Waiters.Count > 0 && operation.Waiters[0] is AccountRequest call && now > call.Deadline)
        {
            // A look-up may have taken longer than the caller wanted to wait.
            return new Expire(call);
        }

        if (!operation.HasFirst && operation.Input is AccountRequest given && now > given.Deadline)
        {
            // Who asked has been told that it is unknown; it must not be done later than was asked for.
            return Abandon.Instance;
        }

        var judged = clock.JudgedAt(now);
        if (operation.IsExpiry && !IsDue(asked, judged))
        {
            return Abandon.Instance;
        }

        var remembered = state.Idempotency.Find(asked.Id);
        var isKnown = remembered is not null || operation.Facts.Find(asked.Id) is not null;
        if (isKnown && DecideKnown(operation, asked, remembered) is { } known)
        {
            return known;
        }

        if (!operation.IsExpiry && IsOfTheFuture(asked, judged, out var dated))
        {
            // As what is malformed: it is not journaled, and the id stays free. What was taken before is answered
            // above.
            var rejection = TransactionRejection.Of(
                asked, dated, TransferStatus.IdFromTheFuture, default, null, replayed: false);
            return new Respond(rejection with
            {
                Status = TransferStatus.IdFromTheFuture, FailedLeg = Math.Max(dated, 0),
            });
        }

        var branch = isKnown ? asked with { Attempt = state.PreparedCount + 1 } : asked;
        if (IsTooLarge(branch, out var size))
        {
            return new RefuseSize(size);
        }

        return operation.Reports is null && !branch.IsPlain && NeedsReport(branch)
            ? AskOthers.Instance
            : DecideLegs(operation, branch, now);
    }

    private CoordinatorDecision DecideLegs(Operation operation, TransactionBranch branch, LedgerTime now)
    {
        var decision = EvaluateLegs(branch, operation, now, out var resolved);
        if (decision.InDoubt)
        {
            return new WaitForDoubt(decision.IsForMoney);
        }

        if (decision.Status != TransferStatus.None)
        {
            return operation.Reports is null && MayBeOutranked(branch, decision)
                ? AskOthers.Instance
                : new Reject(branch, decision);
        }

        if (operation.IsDryRun)
        {
            return operation.Reports is null && branch.OtherAccounts().Count > 0
                ? AskOthers.Instance
                : new Respond(new TransactionResult(branch.Id, TransferStatus.None, -1, default, false, null, []));
        }

        if (operation.Retries >= ReportsExactMax)
        {
            resolved = [.. resolved.Select(static leg =>
                leg.Bound == AmountBound.None ? leg : leg with { Bound = AmountBound.Reported })];
        }

        // Opened meanwhile, perhaps.
        var asset = AssetOf(branch);
        return new Prepare(
            branch,
            resolved == branch.Legs && asset == branch.CoordinatorAsset
                ? branch
                : branch with { Legs = resolved, CoordinatorAsset = asset });
    }

    /// <summary>The asset of this account, which coordinates; where it is only being opened, what it is opened
    /// with.</summary>
    /// <param name="branch">The transaction.</param>
    public Asset AssetOf(TransactionBranch branch)
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

    /// <summary>The balances that a rejection shows: of the account whose reason it is.</summary>
    /// <param name="operation">What is rejected.</param>
    /// <param name="decision">Why.</param>
    public Balances? SeenBy(Operation operation, LegDecision decision)
    {
        if (decision.Leg.Transfer is not { } transfer)
        {
            return null;
        }

        var account = decision.Status is TransferStatus.CreditAccountNotFound or TransferStatus.ExceedsDebits
            or TransferStatus.CreditAccountAlreadyClosed or TransferStatus.CreditAccountFrozen
            or TransferStatus.OverflowsCredits or TransferStatus.OverflowsCreditsPending
            or TransferStatus.OverflowsCreditsPosted
            ? transfer.CreditAccount
            : transfer.DebitAccount;
        if (account == Address || account.IsNone)
        {
            return state.Spec is null ? null : state.Balances;
        }

        return operation.Reports?.GetValueOrDefault(account) is { Spec: not null } report ? report.Balances : null;
    }

    /// <summary>Whether a rejection follows from an id that is used up: it stays so for ever, without being journaled
    /// again.</summary>
    /// <param name="decision">The rejection.</param>
    public static bool FollowsFromIds(LegDecision decision) => decision.Leg.Transfer is not null
        && (decision.Status == TransferStatus.IdAlreadyFailed || IsExists(decision.Status));

    private static bool IsExists(TransferStatus status) =>
        status is TransferStatus.Exists
        || (!TransferStatusPrecedence.Outranks(status, TransferStatus.ExistsWithDifferentTransfers)
            && !TransferStatusPrecedence.Outranks(TransferStatus.Exists, status));

    private static TransactionBranch AskedOf(Operation operation) => operation.Asked
        ?? throw new LedgerInvariantException($"{operation.Input?.GetType().Name} asks a coordinator for nothing");

    // An extension makes another void, and what else ends the hold makes none.
    private bool IsDue(TransactionBranch expiry, LedgerTime judged) =>
        expiry.Legs is [{ Transfer.HoldId: var id }] && state.FindHold(id) is { } hold && hold.Deadline <= judged
        && hold.ExpiryId == expiry.Id;

    // What follows from what is known of the id of the request; null where it is decided as if nothing were.
    private CoordinatorDecision? DecideKnown(
        Operation operation, TransactionBranch asked, IdempotencyRecord? remembered)
    {
        if (operation.IsExpiry)
        {
            return remembered is { IsFinal: true } ? Abandon.Instance : null;
        }

        if (IdResolver.FindAsked(remembered, asked.Asked) is { } same
            && !(same.Details.NeedsContent && same.Status == TransferStatus.Created))
        {
            return new Respond(same.Status == TransferStatus.Created
                ? Results.Committed(
                    asked with
                    {
                        Legs = [.. asked.Legs.Select(static leg => leg with { Amount = leg.Transfer!.Amount })],
                    },
                    same.Time, replayed: true)
                : TransactionRejection.Of(
                    asked, same.Details.FailedLeg, same.Status, same.Time, same.Details.Seen, replayed: true));
        }

        if (DecideJournaled(operation.Facts, asked) is { } journaled)
        {
            return journaled;
        }

        if (remembered is not { IsFinal: true })
        {
            return null;
        }

        if (remembered.Status != TransferStatus.Created)
        {
            return new Respond(TransactionRejection.Of(
                asked, 0, TransferStatus.IdAlreadyFailed, default, null, replayed: false));
        }

        // Decided since the journal was asked: ask again, for the content. Unless that would bring the same, for ever.
        return remembered.SequenceNr > operation.LookedUpTo
            ? LookUpAgain.Instance
            : throw new LedgerInvariantException(
                $"{Address}: row {remembered.SequenceNr} commits {asked.Id}, and was not found in the journal");
    }

    private static Respond? DecideJournaled(IdFacts facts, TransactionBranch asked)
    {
        // What was once answered to this very request is answered for ever, but for a refusal that did not use the id
        // up when the id has been used since: as memory has it, what an id was used for outranks that.
        var records = facts.Find(asked.Id)?.Records ?? [];
        var used = records.FirstOrDefault(static record => record.IsFinal);
        var before = records.FirstOrDefault(record => record.Status != TransferStatus.None
            && record.Branch.Asked == asked.Asked && (used is null || record == used));
        if (before is not null)
        {
            return new Respond(ResultOf(before, asked));
        }

        foreach (var record in records.Reverse())
        {
            if (record.Status == TransferStatus.None)
            {
                continue;
            }

            // What was rejected has no amounts to compare: only the very same request is the same.
            var difference = record.Branch.Asked == asked.Asked ? TransferStatus.Exists
                : record.Status == TransferStatus.Created ? record.CompareWith(asked, facts)
                : TransferStatus.IdAlreadyFailed;
            if (difference == TransferStatus.Exists)
            {
                return new Respond(ResultOf(record, asked));
            }

            if (record.IsFinal)
            {
                return new Respond(TransactionRejection.Of(asked, 0, difference, default, null, replayed: false));
            }
        }

        return null;
    }

    private static TransactionResult ResultOf(IdHistoryEntry record, TransactionBranch asked) =>
        record.Status == TransferStatus.Created
            ? Results.Again(asked, record)
            : TransactionRejection.Of(
                asked, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: true);

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
    // (R17). A transfer that stands alone is never that large.
    private bool IsTooLarge(TransactionBranch branch, out int size)
    {
        size = 0;
        if (branch.Legs.Length == 1)
        {
            return false;
        }

        size = EncodedSize.OfAsked(branch);
        return size > options.TransactionBytesMax;
    }

    private bool NeedsReport(TransactionBranch branch)
    {
        foreach (var leg in branch.Legs)
        {
            if (NeedsReport(branch, leg))
            {
                return true;
            }
        }

        return false;
    }

    // Whether the leg's amount, or its hold, is another account's to tell.
    private bool NeedsReport(TransactionBranch branch, ResolvedLeg leg) => leg.Transfer is { } transfer
        && ((transfer.BalancingDebit && transfer.DebitAccount != Address)
            || (transfer.BalancingCredit && transfer.CreditAccount != Address)
            || (!transfer.Reverses.IsNil && transfer.Amount == Amount.MaxValue && transfer.DebitAccount != Address)
            || (transfer.ResolvesHold && !branch.IsDecidedBy(Address, leg)));

    // Goes through the legs in order, as far as accounts are known: this one as it is, the others by their reports.
    private LegDecision EvaluateLegs(
        TransactionBranch branch, Operation operation, LedgerTime now, out ImmutableArray<ResolvedLeg> resolved)
    {
        options.Deciding?.Invoke();
        var at = clock.JudgedAt(now);
        var own = AccountWorkingCopy.OfThread.Take(
            state, contexts.Of(branch, operation.Facts, operation), clock.OldDoubtUpTo(now),
            dueBy: state.NextDeadline <= at ? at : null, options);
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
        foreach (var leg in branch.Legs)
        {
            var (debit, credit) = SidesOf(branch, leg, own, others);
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

    private (AccountWorkingCopy? Debit, AccountWorkingCopy? Credit) SidesOf(
        TransactionBranch branch, ResolvedLeg leg, AccountWorkingCopy own,
        Dictionary<AccountAddress, AccountWorkingCopy>? others)
    {
        if (leg.Transfer is not { } transfer)
        {
            var opened = leg.Opening!.Address;
            return (opened == Address ? own : others?.GetValueOrDefault(opened), null);
        }

        // A hold that this account is the credit side of was asked for at the wrong one: its rules hold all the same.
        var resolvesAlone = branch.IsAlone && transfer.ResolvesHold;
        var debit = transfer.DebitAccount == Address
            || (resolvesAlone && own.ContextOf(leg.Index).Pending?.CreditAccount != Address)
                ? own
                : others?.GetValueOrDefault(transfer.DebitAccount);
        var credit = debit != own && (transfer.CreditAccount == Address || resolvesAlone)
            ? own
            : others?.GetValueOrDefault(transfer.CreditAccount);
        return (debit, credit);
    }

    private static bool MayBeOutranked(TransactionBranch branch, LegDecision decision)
    {
        if (decision.Leg.Opening is not null ? decision.Leg.Index == 0 : branch.IsAlone
            && (branch.Legs is [{ Transfer.ResolvesHold: true }]
                || TransferStatusPrecedence.Outranks(decision.Status, TransferStatus.CreditAccountNotFound)))
        {
            return false;
        }

        return branch.OtherAccounts().Count > 0;
    }
}
