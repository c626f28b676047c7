namespace Ledger.Core;

/// <summary>The rules of money, as flat ladders in the order of precedence. Pure: the state is read and never changed.</summary>
public static class AccountDecider
{
    /// <summary>Decides whether an account can be opened.</summary>
    /// <param name="state">The account.</param>
    /// <param name="spec">What it is to be opened with.</param>
    /// <returns><see cref="AccountStatus.Created"/> when it can; what it is to be answered otherwise.</returns>
    public static AccountStatus Open(AccountState state, AccountSpec spec)
    {
        if (state.Spec is not { } known)
        {
            return AccountStatus.Created;
        }

        if (known.DebitsMustNotExceedCredits.HasValue != spec.DebitsMustNotExceedCredits.HasValue
            || known.CreditsMustNotExceedDebits.HasValue != spec.CreditsMustNotExceedDebits.HasValue)
        {
            return AccountStatus.ExistsWithDifferentFlags;
        }

        if (known.DebitsMustNotExceedCredits != spec.DebitsMustNotExceedCredits
            || known.CreditsMustNotExceedDebits != spec.CreditsMustNotExceedDebits)
        {
            return AccountStatus.ExistsWithDifferentAllowance;
        }

        if (!string.Equals(known.Reference, spec.Reference, StringComparison.Ordinal))
        {
            return AccountStatus.ExistsWithDifferentReference;
        }

        if (!known.Metadata.Equals(spec.Metadata))
        {
            return AccountStatus.ExistsWithDifferentMetadata;
        }

        if (known.Asset != spec.Asset)
        {
            return AccountStatus.ExistsWithDifferentLedger;
        }

        return known.Code != spec.Code ? AccountStatus.ExistsWithDifferentCode : AccountStatus.Exists;
    }

    /// <summary>Checks what can be said about an account to be opened without its state.</summary>
    /// <param name="spec">What it is to be opened with.</param>
    /// <returns><see cref="AccountStatus.None"/>, or the reason of highest precedence.</returns>
    public static AccountStatus CheckShape(AccountSpec spec)
    {
        if (spec.Address.IsNone)
        {
            return AccountStatus.IdMustNotBeZero;
        }

        if (spec.DebitsMustNotExceedCredits.HasValue && spec.CreditsMustNotExceedDebits.HasValue)
        {
            return AccountStatus.FlagsAreMutuallyExclusive;
        }

        if (spec.Asset.IsNone)
        {
            return AccountStatus.LedgerMustNotBeZero;
        }

        return spec.Code == 0 ? AccountStatus.CodeMustNotBeZero : AccountStatus.None;
    }

    /// <summary>Decides, at the anchor, whether a transfer can be debited. What is in doubt counts.</summary>
    /// <param name="state">The debit account.</param>
    /// <param name="transfer">The transfer.</param>
    /// <returns><see cref="TransferStatus.None"/> when it can, else the anchor's reason of highest precedence.</returns>
    public static TransferStatus CheckDebit(AccountState state, Transfer transfer)
    {
        if (state.Spec is not { } spec)
        {
            return TransferStatus.DebitAccountNotFound;
        }

        if (!transfer.Asset.IsNone && transfer.Asset != spec.Asset)
        {
            return TransferStatus.TransferMustHaveTheSameLedgerAsAccounts;
        }

        var balances = state.Balances;
        if (!Sum(balances.DebitsPosted, balances.DebitsInDoubt, transfer.Amount, out var posted))
        {
            return TransferStatus.OverflowsDebitsPosted;
        }

        if (!posted.TryAdd(balances.DebitsPending, out _))
        {
            return TransferStatus.OverflowsDebits;
        }

        // Enough for the checks of the credits too: what is posted can be spent, what is in doubt can't (R13).
        if (spec.DebitsMustNotExceedCredits is { } allowance
            && !Within(
                balances.DebitsPosted, balances.DebitsPending, balances.DebitsInDoubt, transfer.Amount,
                balances.CreditsPosted, allowance))
        {
            return TransferStatus.ExceedsCredits;
        }

        // After this point the anchor must be able to commit whatever the closer decides.
        return TransferStatus.None;
    }

    /// <summary>Decides, at the closer, whether a transfer can be credited.</summary>
    /// <param name="state">The credit account.</param>
    /// <param name="transfer">The transfer.</param>
    /// <param name="debitAsset">The asset of the debit account; none when that account does not exist.</param>
    /// <returns><see cref="TransferStatus.None"/> when it can, else the closer's reason of highest precedence.</returns>
    public static TransferStatus CheckCredit(AccountState state, Transfer transfer, Asset debitAsset)
    {
        if (state.Spec is not { } spec)
        {
            return TransferStatus.CreditAccountNotFound;
        }

        if (spec.Asset != debitAsset)
        {
            return TransferStatus.AccountsMustHaveTheSameLedger;
        }

        var balances = state.Balances;
        if (!Sum(balances.CreditsPosted, balances.CreditsInDoubt, transfer.Amount, out var posted))
        {
            return TransferStatus.OverflowsCreditsPosted;
        }

        if (!posted.TryAdd(balances.CreditsPending, out _))
        {
            return TransferStatus.OverflowsCredits;
        }

        if (spec.CreditsMustNotExceedDebits is { } allowance
            && !Within(
                balances.CreditsPosted, balances.CreditsPending, balances.CreditsInDoubt, transfer.Amount,
                balances.DebitsPosted, allowance))
        {
            return TransferStatus.ExceedsDebits;
        }

        // After this point the transfer must succeed.
        return TransferStatus.None;
    }

    // Whether used1 + used2 + used3 + more <= posted + allowance, although each side may pass 2^128-1.
    internal static bool Within(
        Amount used1, Amount used2, Amount used3, Amount more, Amount posted, Amount allowance)
    {
        if (!posted.TryAdd(allowance, out var room))
        {
            // The room passes 2^128-1, which the counters together can't: CheckDebit and CheckCredit refuse that first.
            return true;
        }

        foreach (var used in (ReadOnlySpan<Amount>)[used1, used2, used3, more])
        {
            if (used > room)
            {
                return false;
            }

            room -= used;
        }

        return true;
    }

    private static bool Sum(Amount one, Amount two, Amount three, out Amount sum) =>
        one.TryAdd(two, out sum) && sum.TryAdd(three, out sum);
}
