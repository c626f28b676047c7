namespace Ledger.Core;

/// <summary>What a decision about one leg comes to.</summary>
/// <param name="Status"><see cref="TransferStatus.None"/> when the leg can be, else why not. For an opening that can't be, the
/// number of an <see cref="AccountStatus"/>.</param>
/// <param name="Leg">The leg, resolved.</param>
/// <param name="InDoubt">Whether it can't be decided before something else is.</param>
internal readonly record struct LegDecision(TransferStatus Status, ResolvedLeg Leg, bool InDoubt = false)
{
    /// <summary>Whether it would be refused for want of money that doubt could bring.</summary>
    public bool IsForMoney { get; init; }

    public static LegDecision Doubt(ResolvedLeg leg) => new(TransferStatus.None, leg, true);
}

/// <summary>A working copy of one account while the legs of a transaction are gone through in order: each sees what those
/// before it did (R13). It also measures the worst that the legs, decided or not, can do to the limits.</summary>
internal sealed class AccountWorkingCopy
{
    private static readonly Func<int, LegContext> NoContexts = static _ => LegContext.Nothing;

    private Func<int, LegContext> contextOf = NoContexts;
    private AccountFreeze? freeze;
    private InDoubtLoad load;
    private Dictionary<TransferId, (Hold Hold, HoldState State)>? changedHolds;
    private bool closedByChange;
    private bool closedByHold;
    private AccountState? holder;
    private int holdsMax;
    private int holdsWithMax;
    private int holdsMore;
    private Dictionary<AccountAddress, int>? holdsMoreWith;
    private PeakRise debits;
    private PeakRise credits;

    // Where the favour of old doubt is summed up when it is needed.
    private AccountState? source;
    private LedgerTime oldUpTo;
    private LedgerTime? dueBy;
    private (Amount Debit, Amount Credit)? favour;

    /// <summary>Makes a sheet for <see cref="Take"/>.</summary>
    public AccountWorkingCopy()
    {
    }

    public AccountWorkingCopy(AccountState state, Func<int, LegContext>? factOf) => Take(state, factOf, default, dueBy: null, limits: null);

    /// <summary>Starts anew with an account as it is: one sheet serves many decisions.</summary>
    /// <param name="state">The account.</param>
    /// <param name="contexts">What it knows of the legs.</param>
    /// <param name="oldUpTo">What was prepared then, or earlier, is old doubt.</param>
    /// <param name="dueBy">Holds that are due by then may have ended already; null where there are none.</param>
    /// <param name="limits">How many holds it may have; null where that does not matter.</param>
    public AccountWorkingCopy Take(
        AccountState state, Func<int, LegContext>? contexts, LedgerTime oldUpTo, LedgerTime? dueBy, AccountMachineOptions? limits)
    {
        holder = limits is null ? null : state;
        holdsMax = limits?.HoldsMax ?? 0;
        holdsWithMax = limits?.HoldsPerCounterpartyMax ?? 0;
        holdsMore = 0;
        holdsMoreWith = null;
        source = state;
        this.oldUpTo = oldUpTo;
        this.dueBy = dueBy;
        favour = null;
        Address = state.Address;
        Spec = state.Spec;
        OpenedWith = state.OpenedWith;
        closedByChange = state.ClosedByChange;
        closedByHold = state.ClosedByHold;
        freeze = state.Freeze;
        Balances = state.Balances;
        load = state.Load;
        IsInDoubt = state.IsOpeningOrClosingInDoubt;
        contextOf = contexts ?? NoContexts;
        changedHolds = null;
        debits = credits = default;
        return this;
    }

    public AccountWorkingCopy(AccountReport report)
    {
        Address = report.Account;
        Spec = report.Spec;
        OpenedWith = report.OpenedWith;
        closedByChange = report.Closed;
        closedByHold = report.ClosedByHold;
        freeze = report.Freeze;
        Balances = report.Balances;
        load = report.Load;
        IsInDoubt = report.InDoubt;
        favour = (report.DebitFavour, report.CreditFavour);
        var contexts = report.Facts.ToDictionary(static context => context.Index);
        contextOf = index => contexts.TryGetValue(index, out var context) ? context : new LegContext(index);
    }

    public AccountAddress Address { get; private set; }

    public AccountSpec? Spec { get; private set; }

    public AccountSpec? OpenedWith { get; private set; }

    public bool Closed => closedByChange || closedByHold;

    public Balances Balances { get; private set; }

    /// <summary>Whether the account's opening or closing is in doubt.</summary>
    public bool IsInDoubt { get; private set; }

    /// <summary>What must be kept back for the limit on debits while the legs are in doubt.</summary>
    public Amount DebitReserve => debits.Peak;

    /// <summary>What must be kept back for the limit on credits while the legs are in doubt.</summary>
    public Amount CreditReserve => credits.Peak;

    public LegContext ContextOf(int index) => contextOf(index);

    public bool RefusesDebits(LedgerTime now) => freeze is { Debits: true } && freeze.HoldsAt(now);

    public bool RefusesCredits(LedgerTime now) => freeze is { Credits: true } && freeze.HoldsAt(now);

    /// <summary>The hold as the legs before have left it: found, and live or ended; null when they did not touch it.</summary>
    public bool TryFindChanged(TransferId id, out Hold? hold, out HoldState state)
    {
        if (changedHolds is not null && changedHolds.TryGetValue(id, out var changed))
        {
            (hold, state) = changed;
            return true;
        }

        (hold, state) = (null, HoldState.None);
        return false;
    }

    /// <summary>What a balancing debit may take at most.</summary>
    public Amount AvailableDebits => AccountDecider.Headroom(
        Balances.CreditsPosted, Spec?.DebitsMustNotExceedCredits ?? Amount.Zero, Balances.DebitsPosted, Balances.DebitsPending,
        Balances.DebitsInDoubt);

    /// <summary>What a balancing credit may bring at most.</summary>
    public Amount AvailableCredits => AccountDecider.Headroom(
        Balances.DebitsPosted, Spec?.CreditsMustNotExceedDebits ?? Amount.Zero, Balances.CreditsPosted, Balances.CreditsPending,
        Balances.CreditsInDoubt);

    public bool DebitsOverflow(Amount amount, bool pending, out TransferStatus status) => Overflow(
        amount, pending, Balances.DebitsPending, Balances.DebitsPosted, load.DebitsAtMost,
        (TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsDebitsPosted, TransferStatus.OverflowsDebits),
        out status);

    public bool CreditsOverflow(Amount amount, bool pending, out TransferStatus status) => Overflow(
        amount, pending, Balances.CreditsPending, Balances.CreditsPosted, load.CreditsAtMost,
        (TransferStatus.OverflowsCreditsPending, TransferStatus.OverflowsCreditsPosted, TransferStatus.OverflowsCredits),
        out status);

    public Fit DebitsFit(Amount amount)
    {
        if (Spec!.DebitsMustNotExceedCredits is not { } allowance || FitsIn(allowance))
        {
            return Fit.Yes;
        }

        var more = Favour.Debit;
        return more.IsZero ? Fit.No : !allowance.TryAdd(more, out var generous) || FitsIn(generous) ? Fit.InDoubt : Fit.No;

        bool FitsIn(Amount room) => AccountDecider.Within(
            Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt, amount, Balances.CreditsPosted, room);
    }

    public Fit CreditsFit(Amount amount)
    {
        if (Spec!.CreditsMustNotExceedDebits is not { } allowance || FitsIn(allowance))
        {
            return Fit.Yes;
        }

        var more = Favour.Credit;
        return more.IsZero ? Fit.No : !allowance.TryAdd(more, out var generous) || FitsIn(generous) ? Fit.InDoubt : Fit.No;

        bool FitsIn(Amount room) => AccountDecider.Within(
            Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt, amount, Balances.DebitsPosted, room);
    }

    // A transaction that is in doubt since before this incarnation may have been answered already, and one that is in doubt for
    // long may stay so: what it could bring must not be denied for ever.
    private (Amount Debit, Amount Credit) Favour => favour ??= source!.FavourOf(oldUpTo, dueBy);

    /// <summary>Whether the account has room for one more hold; of another account, what it has told.</summary>
    /// <param name="leg">The leg that makes the hold.</param>
    /// <param name="other">The other account of the hold.</param>
    public TransferStatus CheckHolds(ResolvedLeg leg, AccountAddress other) => holder is null ? ContextOf(leg.Index).HoldProblem
        : holder.HoldsReservedWith(other) + (holdsMoreWith?.GetValueOrDefault(other) ?? 0) >= holdsWithMax
            ? TransferStatus.ExceedsHoldsWithCounterparty
        : holder.HoldsReserved + holdsMore >= holdsMax ? TransferStatus.ExceedsHoldsOfAccount
        : TransferStatus.None;

    /// <summary>Whether holds may have ended already, by old doubt or since their time is up.</summary>
    public bool MayHaveMoreHeadroom => dueBy is not null || source?.HasInheritedDoubt(oldUpTo) == true;

    /// <summary>Counts a hold that a leg makes or ends.</summary>
    /// <param name="hold">The transfer that makes the hold.</param>
    /// <param name="more">1 or -1.</param>
    public void CountHold(Transfer hold, int more)
    {
        var other = hold.DebitAccount == Address ? hold.CreditAccount : hold.DebitAccount;
        holdsMore += more;
        holdsMoreWith ??= [];
        holdsMoreWith[other] = holdsMoreWith.GetValueOrDefault(other) + more;
    }

    /// <summary>Does what a leg does to this account.</summary>
    public void Apply(ResolvedLeg leg)
    {
        if (leg.Opening is { } opening)
        {
            if (Spec is null)
            {
                Spec = OpenedWith = opening;
                closedByChange = opening.Closed;
            }

            return;
        }

        var transfer = leg.Transfer!;
        var isDebit = transfer.DebitAccount == Address;
        var pending = leg.IsHold;
        var posted = leg.IsPosting ? leg.Amount : Amount.Zero;
        var held = pending ? leg.Amount : Amount.Zero;
        var released = transfer.ResolvesHold ? leg.Released : Amount.Zero;
        var before = Balances;
        if (isDebit)
        {
            Balances = before with
            {
                DebitsPending = before.DebitsPending - released + held,
                DebitsPosted = before.DebitsPosted + posted,
            };
            debits.Take(released);
            debits.Add(held + posted);
            credits.Take(posted);
        }
        else
        {
            Balances = before with
            {
                CreditsPending = before.CreditsPending - released + held,
                CreditsPosted = before.CreditsPosted + posted,
            };
            credits.Take(released);
            credits.Add(held + posted);
            debits.Take(posted);
        }

        var closing = isDebit ? TransferFlags.ClosingDebit : TransferFlags.ClosingCredit;
        if (pending)
        {
            CountHold(transfer, 1);
            closedByHold |= (transfer.Flags & closing) != TransferFlags.None;
            (changedHolds ??= [])[transfer.Id] =
                (new Hold(transfer with { Amount = leg.Amount }, leg.Amount, leg.Deadline, 0, default, default), HoldState.Live);
        }
        else if (transfer.ResolvesHold)
        {
            var (hold, deadline) = TryFindChanged(transfer.HoldId, out var changed, out _)
                ? (changed!.Transfer, changed.Deadline)
                : (ContextOf(leg.Index).Pending, ContextOf(leg.Index).Deadline);
            if (hold is null)
            {
                return;
            }

            if (leg.HoldAfter != HoldState.Live)
            {
                CountHold(hold, -1);
            }

            if (leg.HoldAfter is HoldState.Voided or HoldState.Expired && (hold.Flags & closing) != TransferFlags.None)
            {
                closedByHold = false;
            }

            (changedHolds ??= [])[transfer.HoldId] =
                (new Hold(hold, leg.HoldRemaining - leg.Released, deadline, 0, default, default), leg.HoldAfter);
        }
    }

    // What is in doubt may be posted or held: it counts wherever it could end.
    private static bool Overflow(
        Amount amount, bool pending, Amount held, Amount posted, Amount doubt,
        (TransferStatus Pending, TransferStatus Posted, TransferStatus Both) names, out TransferStatus status)
    {
        status = TransferStatus.None;
        if (pending && !(held.TryAdd(doubt, out var one) && one.TryAdd(amount, out _)))
        {
            status = names.Pending;
        }
        else if (!(posted.TryAdd(doubt, out var two) && two.TryAdd(amount, out var sum)))
        {
            status = names.Posted;
        }
        else if (!sum.TryAdd(held, out _))
        {
            status = names.Both;
        }

        return status != TransferStatus.None;
    }
}

/// <summary>The rules of one leg as a flat ladder, in the order of precedence. Each side may be known or not: an account that
/// decides for itself knows one side, and the other one decides for itself too; a coordinator with reports knows both.</summary>
internal static class TransferRules
{
    /// <summary>Decides one leg.</summary>
    /// <param name="leg">The leg.</param>
    /// <param name="debit">The debit account, where it is known; for an opening, the account.</param>
    /// <param name="credit">The credit account, where it is known.</param>
    /// <param name="otherAsset">The asset of the side that is not known; none where that is not known either.</param>
    /// <param name="now">The time.</param>
    /// <param name="isFixed">Whether the coordinator has resolved the leg, so that nothing is computed but only verified.</param>
    public static LegDecision Decide(
        ResolvedLeg leg, AccountWorkingCopy? debit, AccountWorkingCopy? credit, Asset otherAsset, LedgerTime now, bool isFixed)
    {
        if (leg.Opening is { } opening)
        {
            return DecideOpening(leg, opening, debit);
        }

        var transfer = leg.Transfer!;
        var debitContext = debit?.ContextOf(leg.Index);
        var creditContext = credit?.ContextOf(leg.Index);
        var known = Higher(debitContext?.Known ?? TransferStatus.None, creditContext?.Known ?? TransferStatus.None);
        if (known != TransferStatus.None)
        {
            return new LegDecision(known, leg);
        }

        if (debitContext is { InDoubt: true } || creditContext is { InDoubt: true }
            || debit is { IsInDoubt: true } || credit is { IsInDoubt: true })
        {
            return LegDecision.Doubt(leg);
        }

        if (transfer.ResolvesHold)
        {
            return DecideResolution(leg, transfer, debit, credit, now, isFixed);
        }

        if (debit is { Spec: null })
        {
            return new LegDecision(TransferStatus.DebitAccountNotFound, leg);
        }

        if (credit is { Spec: null })
        {
            return new LegDecision(TransferStatus.CreditAccountNotFound, leg);
        }

        var debitAsset = debit?.Spec!.Asset ?? otherAsset;
        var creditAsset = credit?.Spec!.Asset ?? otherAsset;
        if (!debitAsset.IsNone && !creditAsset.IsNone && debitAsset != creditAsset)
        {
            return new LegDecision(TransferStatus.AccountsMustHaveTheSameLedger, leg);
        }

        if (!transfer.Asset.IsNone
            && ((!debitAsset.IsNone && debitAsset != transfer.Asset) || (!creditAsset.IsNone && creditAsset != transfer.Asset)))
        {
            return new LegDecision(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts, leg);
        }

        if (!transfer.Reverses.IsNil && debitContext is not null)
        {
            if (debitContext.ReversalProblem != TransferStatus.None)
            {
                return new LegDecision(debitContext.ReversalProblem, leg);
            }

            if (isFixed && transfer.Amount == Amount.MaxValue && leg.Amount != debitContext.Reversible)
            {
                return LegDecision.Doubt(leg);
            }

            if (!isFixed && transfer.Amount == Amount.MaxValue)
            {
                // All that is left of the original, if anything is.
                if (debitContext.Reversible.IsZero)
                {
                    return new LegDecision(TransferStatus.ExceedsReversedTransferAmount, leg);
                }

                leg = leg with { Amount = debitContext.Reversible };
            }

            // All that is left of what is taken back already is nothing: that is no correction, but a second one of the same.
            if ((isFixed || transfer.Amount == Amount.MaxValue ? leg.Amount : transfer.Amount) > debitContext.Reversible
                || (transfer.Amount == Amount.MaxValue && debitContext.Reversible.IsZero))
            {
                return new LegDecision(TransferStatus.ExceedsReversedTransferAmount, leg);
            }
        }

        var closed = CheckOpen(debit, credit, now);
        return closed != TransferStatus.None
            ? new LegDecision(closed, leg)
            : DecideMoney(leg, transfer, debit, credit, now, isFixed);
    }

    private static LegDecision DecideMoney(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit, LedgerTime now, bool isFixed)
    {
        var pending = leg.IsHold;
        if (!isFixed)
        {
            if (transfer.Reverses.IsNil || transfer.Amount != Amount.MaxValue)
            {
                leg = Bound(leg, transfer, debit, credit);
            }

            if (pending)
            {
                if (transfer.Timeout == TimeSpan.Zero)
                {
                    leg = leg with { Deadline = LedgerTime.MaxValue };
                }
                else if (transfer.Timeout.Ticks / TimeSpan.TicksPerMicrosecond
                    <= LedgerLimits.HoldDeadlineMax.UnixMicroseconds - now.UnixMicroseconds)
                {
                    leg = leg with { Deadline = now.Add(transfer.Timeout) };
                }
            }
        }
        else if (!StillBinds(leg, transfer, debit, credit))
        {
            return LegDecision.Doubt(leg);
        }

        var amount = leg.Amount;
        TransferStatus debitOverflow = default;
        TransferStatus creditOverflow = default;
        var overflow = (debit is not null && debit.DebitsOverflow(amount, pending, out debitOverflow))
            | (credit is not null && credit.CreditsOverflow(amount, pending, out creditOverflow));
        if (overflow)
        {
            return new LegDecision(Higher(debitOverflow, creditOverflow), leg);
        }

        if (!isFixed && pending && leg.Deadline == default)
        {
            return new LegDecision(TransferStatus.OverflowsTimeout, leg);
        }

        if (debit?.DebitsFit(amount) is (Fit.No or Fit.InDoubt) and { } debitFit)
        {
            return debitFit == Fit.InDoubt
                ? LegDecision.Doubt(leg) with { IsForMoney = true }
                : new LegDecision(TransferStatus.ExceedsCredits, leg);
        }

        if (credit?.CreditsFit(amount) is (Fit.No or Fit.InDoubt) and { } creditFit)
        {
            return creditFit == Fit.InDoubt
                ? LegDecision.Doubt(leg) with { IsForMoney = true }
                : new LegDecision(TransferStatus.ExceedsDebits, leg);
        }

        return pending ? DecideHeadroomForHold(leg, transfer, debit, credit) : new LegDecision(TransferStatus.None, leg);
    }

    // A hold that a caller was told has ended may be in doubt here, as money may.
    private static LegDecision DecideHeadroomForHold(ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        var onDebit = debit?.CheckHolds(leg, transfer.CreditAccount) ?? TransferStatus.None;
        var onCredit = credit?.CheckHolds(leg, transfer.DebitAccount) ?? TransferStatus.None;
        return (onDebit != TransferStatus.None && debit!.MayHaveMoreHeadroom) || (onCredit != TransferStatus.None && credit!.MayHaveMoreHeadroom)
            ? LegDecision.Doubt(leg) with { IsForMoney = true }
            : new LegDecision(Higher(onDebit, onCredit), leg);
    }

    private static ResolvedLeg Bound(ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        var amount = transfer.Amount;
        var bound = AmountBound.None;
        if ((transfer.Flags & TransferFlags.BalancingDebit) != TransferFlags.None && debit is not null && debit.AvailableDebits < amount)
        {
            amount = debit.AvailableDebits;
            bound = AmountBound.Debit;
        }

        if ((transfer.Flags & TransferFlags.BalancingCredit) != TransferFlags.None && credit is not null && credit.AvailableCredits < amount)
        {
            amount = credit.AvailableCredits;
            bound = AmountBound.Credit;
        }

        return leg.Amount == amount && leg.Bound == bound ? leg : leg with { Amount = amount, Bound = bound };
    }

    // The side that bound the amount must still have exactly that, the other one at least that.
    private static bool StillBinds(ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        if ((transfer.Flags & TransferFlags.BalancingDebit) != TransferFlags.None && debit is not null
            && (debit.AvailableDebits < leg.Amount
                || (leg.Bound == AmountBound.Debit && debit.AvailableDebits != leg.Amount)))
        {
            return false;
        }

        return (transfer.Flags & TransferFlags.BalancingCredit) == TransferFlags.None || credit is null
            || (credit.AvailableCredits >= leg.Amount
                && (leg.Bound != AmountBound.Credit || credit.AvailableCredits == leg.Amount));
    }

    private static LegDecision DecideResolution(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit, LedgerTime now, bool isFixed)
    {
        var hold = HoldOf(leg, transfer, debit) is { Problem: not TransferStatus.PendingTransferNotFound } found
            ? found
            : HoldOf(leg, transfer, credit) ?? HoldOf(leg, transfer, debit)!.Value;
        if (hold.Problem is TransferStatus.PendingTransferNotFound or TransferStatus.PendingTransferNotPending)
        {
            return new LegDecision(hold.Problem, leg);
        }

        var isVoid = (transfer.Flags & TransferFlags.VoidPending) != TransferFlags.None;
        if (hold.Pending is { } pending)
        {
            var asset = pending.Asset.IsNone ? (debit ?? credit)?.Spec?.Asset ?? default : pending.Asset;
            var difference = CompareToHold(transfer, pending, asset);
            if (difference != TransferStatus.None)
            {
                return new LegDecision(difference, leg);
            }

            // Both accounts of a hold know it; if they differ, they told of different times.
            if (HoldOf(leg, transfer, debit) is { } one && HoldOf(leg, transfer, credit) is { } other
                && (one.Problem != other.Problem || one.Remaining != other.Remaining))
            {
                return LegDecision.Doubt(leg);
            }

            var left = hold.Problem == TransferStatus.None ? hold.Remaining : pending.Amount;
            var amount = isFixed ? leg.Amount
                : isVoid && transfer.Amount.IsZero ? left
                : !isVoid && transfer.Amount == Amount.MaxValue ? left
                : transfer.Amount;
            if (amount > left && !isFixed)
            {
                return new LegDecision(TransferStatus.ExceedsPendingTransferAmount, leg);
            }

            if (isVoid && amount < left && !isFixed)
            {
                return new LegDecision(TransferStatus.PendingTransferHasDifferentAmount, leg);
            }

            leg = leg with
            {
                Amount = amount,
                HoldRemaining = isFixed ? leg.HoldRemaining : hold.Remaining,
                Transfer = isFixed ? transfer : Inherit(transfer, pending),
            };
        }

        if (hold.Problem != TransferStatus.None)
        {
            return new LegDecision(hold.Problem, leg);
        }

        if (isFixed && leg.HoldRemaining != hold.Remaining)
        {
            return LegDecision.Doubt(leg);
        }

        // Time is judged once, at the hold's debit account (R12).
        var isExpiry = (transfer.Flags & TransferFlags.Expiry) != TransferFlags.None;
        if (debit is not null && !isExpiry && now >= hold.Deadline)
        {
            return new LegDecision(TransferStatus.PendingTransferExpired, leg);
        }

        // Void and expiry are never refused for what the accounts are.
        return new LegDecision(isVoid ? TransferStatus.None : CheckOpen(debit, credit, now), leg);
    }

    private static (TransferStatus Problem, Transfer? Pending, Amount Remaining, LedgerTime Deadline)? HoldOf(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? copy)
    {
        if (copy is null)
        {
            return null;
        }

        if (copy.TryFindChanged(transfer.HoldId, out var changed, out var state))
        {
            // Touched by an earlier leg of the same transaction, which may have ended it.
            return (state switch
            {
                HoldState.Live => TransferStatus.None,
                HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                HoldState.Expired => TransferStatus.PendingTransferExpired,
                _ => TransferStatus.PendingTransferAlreadyVoided,
            }, changed!.Transfer, changed.Remaining, changed.Deadline);
        }

        var context = copy.ContextOf(leg.Index);
        return (context.HoldProblem, context.Pending, context.Remaining, context.Deadline);
    }

    // A hold that named no asset has that of its accounts.
    private static TransferStatus CompareToHold(Transfer transfer, Transfer pending, Asset asset) =>
        !transfer.DebitAccount.IsNone && transfer.DebitAccount != pending.DebitAccount
            ? TransferStatus.PendingTransferHasDifferentDebitAccountId
        : !transfer.CreditAccount.IsNone && transfer.CreditAccount != pending.CreditAccount
            ? TransferStatus.PendingTransferHasDifferentCreditAccountId
        : !transfer.Asset.IsNone && transfer.Asset != asset
            ? TransferStatus.PendingTransferHasDifferentLedger
        : transfer.Code != 0 && transfer.Code != pending.Code
            ? TransferStatus.PendingTransferHasDifferentCode
        : TransferStatus.None;

    // Reference and metadata stay where they are, see ResolvedLeg.HoldRow.
    private static Transfer Inherit(Transfer transfer, Transfer pending) => transfer with
    {
        DebitAccount = pending.DebitAccount,
        CreditAccount = pending.CreditAccount,
        Asset = pending.Asset.IsNone ? transfer.Asset : pending.Asset,
        Code = transfer.Code == 0 ? pending.Code : transfer.Code,
    };

    private static TransferStatus CheckOpen(AccountWorkingCopy? debit, AccountWorkingCopy? credit, LedgerTime now) =>
        debit is { Closed: true } ? TransferStatus.DebitAccountAlreadyClosed
        : credit is { Closed: true } ? TransferStatus.CreditAccountAlreadyClosed
        : debit is not null && debit.RefusesDebits(now) ? TransferStatus.DebitAccountFrozen
        : credit is not null && credit.RefusesCredits(now) ? TransferStatus.CreditAccountFrozen
        : TransferStatus.None;

    private static LegDecision DecideOpening(ResolvedLeg leg, AccountSpec opening, AccountWorkingCopy? account)
    {
        if (account is null)
        {
            return new LegDecision(TransferStatus.None, leg);
        }

        if (account.IsInDoubt)
        {
            return LegDecision.Doubt(leg);
        }

        if (account.OpenedWith is not { } known || leg.IfMissing)
        {
            return new LegDecision(TransferStatus.None, leg);
        }

        return new LegDecision((TransferStatus)(int)AccountDecider.Compare(known, opening), leg);
    }

    private static TransferStatus Higher(TransferStatus one, TransferStatus other) =>
        one == TransferStatus.None ? other
        : other == TransferStatus.None ? one
        : TransferStatusPrecedence.Outranks(one, other) ? one : other;
}
