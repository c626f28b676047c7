namespace Ledger.Core;

/// <summary>The rules of one leg as a flat ladder, in the order of precedence. Each side may be known or not: an
/// account that decides for itself knows one side, and the other one decides for itself too; a coordinator with reports
/// knows both.</summary>
internal static class TransferRules
{
    /// <summary>Decides one leg.</summary>
    /// <param name="leg">The leg.</param>
    /// <param name="debit">The debit account, where it is known; for an opening, the account.</param>
    /// <param name="credit">The credit account, where it is known.</param>
    /// <param name="otherAsset">The asset of the side that is not known; none where that is not known either.</param>
    /// <param name="now">The time.</param>
    /// <param name="isFixed">Whether the coordinator has resolved the leg, so that nothing is computed but only
    /// verified.</param>
    public static LegDecision Decide(
        ResolvedLeg leg, AccountWorkingCopy? debit, AccountWorkingCopy? credit, Asset otherAsset, LedgerTime now,
        bool isFixed)
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
            && ((!debitAsset.IsNone && debitAsset != transfer.Asset)
                || (!creditAsset.IsNone && creditAsset != transfer.Asset)))
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

            // All that is left of what is taken back already is nothing: that is no correction, but a second one of the
            // same.
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
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit, LedgerTime now,
        bool isFixed)
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

        return pending
            ? DecideHeadroomForHold(leg, transfer, debit, credit)
            : new LegDecision(TransferStatus.None, leg);
    }

    // A hold that a caller was told has ended may be in doubt here, as money may.
    private static LegDecision DecideHeadroomForHold(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        var onDebit = debit?.CheckHolds(leg, transfer.CreditAccount) ?? TransferStatus.None;
        var onCredit = credit?.CheckHolds(leg, transfer.DebitAccount) ?? TransferStatus.None;
        return (onDebit != TransferStatus.None && debit!.MayHaveMoreHeadroom)
            || (onCredit != TransferStatus.None && credit!.MayHaveMoreHeadroom)
            ? LegDecision.Doubt(leg) with { IsForMoney = true }
            : new LegDecision(Higher(onDebit, onCredit), leg);
    }

    private static ResolvedLeg Bound(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        var amount = transfer.Amount;
        var bound = AmountBound.None;
        if (transfer.BalancingDebit && debit is not null
            && debit.AvailableDebits < amount)
        {
            amount = debit.AvailableDebits;
            bound = AmountBound.Debit;
        }

        if (transfer.BalancingCredit && credit is not null
            && credit.AvailableCredits < amount)
        {
            amount = credit.AvailableCredits;
            bound = AmountBound.Credit;
        }

        return leg.Amount == amount && leg.Bound == bound ? leg : leg with { Amount = amount, Bound = bound };
    }

    // The side that bound the amount must still have exactly that, the other one at least that.
    private static bool StillBinds(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit)
    {
        if (transfer.BalancingDebit && debit is not null
            && (debit.AvailableDebits < leg.Amount
                || (leg.Bound == AmountBound.Debit && debit.AvailableDebits != leg.Amount)))
        {
            return false;
        }

        return !transfer.BalancingCredit || credit is null
            || (credit.AvailableCredits >= leg.Amount
                && (leg.Bound != AmountBound.Credit || credit.AvailableCredits == leg.Amount));
    }

    private static LegDecision DecideResolution(
        ResolvedLeg leg, Transfer transfer, AccountWorkingCopy? debit, AccountWorkingCopy? credit, LedgerTime now,
        bool isFixed)
    {
        var hold = HoldOf(leg, transfer, debit) is { Problem: not TransferStatus.PendingTransferNotFound } found
            ? found
            : HoldOf(leg, transfer, credit) ?? HoldOf(leg, transfer, debit)!.Value;
        if (hold.Problem is TransferStatus.PendingTransferNotFound or TransferStatus.PendingTransferNotPending)
        {
            return new LegDecision(hold.Problem, leg);
        }

        var isVoid = transfer.ReleasesHold;
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
        var isExpiry = transfer.Kind == TransferKind.ExpireHold;
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
