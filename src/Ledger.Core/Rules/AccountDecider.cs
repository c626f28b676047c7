namespace Ledger.Core;

/// <summary>The rules of money, as flat ladders in the order of precedence. Pure: the state is read and never
/// changed.</summary>
internal static class AccountDecider
{
    /// <summary>Decides whether an account can be opened.</summary>
    /// <param name="state">The account.</param>
    /// <param name="spec">What it is to be opened with.</param>
    /// <returns><see cref="AccountStatus.Created"/> when it can; what it is to be answered otherwise.</returns>
    public static AccountStatus Open(AccountState state, AccountSpec spec) =>
        state.OpenedWith is { } known ? Compare(known, spec) : AccountStatus.Created;

    // Limits and closing change later; the retry of an opening is compared with the opening.
    internal static AccountStatus Compare(AccountSpec known, AccountSpec spec)
    {
        if (known.DebitsMustNotExceedCredits.HasValue != spec.DebitsMustNotExceedCredits.HasValue
            || known.CreditsMustNotExceedDebits.HasValue != spec.CreditsMustNotExceedDebits.HasValue
            || known.IsClosed != spec.IsClosed)
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

        if (spec.Address.IsReserved)
        {
            return AccountStatus.IdMustNotBeIntMax;
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

    // Whether used1 + used2 + used3 + more <= posted + allowance, although each side may pass 2^128-1.
    internal static bool Within(
        Amount used1, Amount used2, Amount used3, Amount more, Amount posted, Amount allowance)
    {
        if (!posted.TryAdd(allowance, out var room))
        {
            // The room passes 2^128-1, which the counters together can't: an overflow is refused first.
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

    // posted + allowance - used1 - used2 - used3, between 0 and 2^128-1: exact, although each side may pass that on the
    // way.
    internal static Amount Headroom(Amount posted, Amount allowance, Amount used1, Amount used2, Amount used3)
    {
        foreach (var used in (ReadOnlySpan<Amount>)[used1, used2, used3])
        {
            if (used <= posted)
            {
                posted -= used;
                continue;
            }

            var excess = used - posted;
            posted = Amount.Zero;
            if (excess > allowance)
            {
                return Amount.Zero;
            }

            allowance -= excess;
        }

        return posted.TryAdd(allowance, out var room) ? room : Amount.MaxValue;
    }

    /// <summary>Decides whether an account can be changed.</summary>
    /// <param name="state">The account.</param>
    /// <param name="change">The change.</param>
    /// <param name="now">The time.</param>
    /// <returns><see cref="AccountStatus.Changed"/> when it can, <see cref="AccountStatus.Unchanged"/> when it is so
    /// already, or why not.</returns>
    public static AccountStatus Change(AccountState state, AccountChange change, LedgerTime now)
    {
        if (state.Spec is not { } spec)
        {
            return AccountStatus.NotFound;
        }

        switch (change)
        {
            case FreezeAccount(var freeze):
                return !freeze.HoldsAt(now) ? AccountStatus.EndHasPassed : Result(freeze == state.Freeze);
            case UnfreezeAccount:
                return Result(state.Freeze is null);
            case CloseAccount:
                return Result(state.ClosedByChange);
            case ReopenAccount:
                return Result(!state.Closed);
            case SetAccountLimits limits:
                if (limits.DebitsMustNotExceedCredits.HasValue && limits.CreditsMustNotExceedDebits.HasValue)
                {
                    return AccountStatus.FlagsAreMutuallyExclusive;
                }

                if (!Fits(limits, state.Balances))
                {
                    return AccountStatus.LimitIsExceeded;
                }

                return Result(
                    spec.DebitsMustNotExceedCredits == limits.DebitsMustNotExceedCredits
                    && spec.CreditsMustNotExceedDebits == limits.CreditsMustNotExceedDebits);
            default:
                throw new LedgerInvariantException($"{state.Address}: unknown change {change.GetType().Name}");
        }

        static AccountStatus Result(bool isSo) => isSo ? AccountStatus.Unchanged : AccountStatus.Changed;
    }

    /// <summary>Whether an account is refused a change only because of what is in doubt, so that an outcome could allow
    /// it (R20).</summary>
    /// <param name="state">The account.</param>
    /// <param name="change">The change.</param>
    internal static bool IsInDoubt(AccountState state, AccountChange change)
    {
        if (state.Spec is null || change is not SetAccountLimits limits)
        {
            return false;
        }

        var balances = state.Balances;
        if (Fits(limits, balances))
        {
            return false;
        }

        // The best that can come of it: the limited side without what is in doubt, and the other with all of it.
        var best = balances with { DebitsInDoubt = Amount.Zero, CreditsInDoubt = Amount.Zero };
        return Fits(limits, limits.DebitsMustNotExceedCredits.HasValue
            ? best with { CreditsPosted = Sum(balances.CreditsPosted, balances.CreditsInDoubt) }
            : best with { DebitsPosted = Sum(balances.DebitsPosted, balances.DebitsInDoubt) });

        static Amount Sum(Amount one, Amount other) => one.TryAdd(other, out var sum) ? sum : Amount.MaxValue;
    }

    private static bool Fits(SetAccountLimits limits, Balances balances) =>
        (limits.DebitsMustNotExceedCredits is not { } debits
            || Within(
                balances.DebitsPosted, balances.DebitsPending, balances.DebitsInDoubt, Amount.Zero,
                balances.CreditsPosted, debits))
        && (limits.CreditsMustNotExceedDebits is not { } credits
            || Within(
                balances.CreditsPosted, balances.CreditsPending, balances.CreditsInDoubt, Amount.Zero,
                balances.DebitsPosted, credits));
}
