using Ledger.Core;

namespace Ledger;

/// <summary>An account right after a transfer or a transaction, and before anything that followed. Immutable.</summary>
/// <param name="Address">The account.</param>
/// <param name="Balances">Its counters; what was in doubt then is in them as it was seen.</param>
/// <param name="Version">The last row that the account had written for certain: that of the commit itself, or for the
/// account that coordinates that of its preparation, since it books the commit with its next row.</param>
/// <param name="EntryCount">How many entries its statement had, those of the transfer included.</param>
/// <param name="AvailableDebits">What could still be debited; null without a limit on debits.</param>
/// <param name="AvailableCredits">What could still be credited; null without a limit on credits.</param>
public sealed record AccountAfter(
    AccountAddress Address, Balances Balances, long Version, ulong EntryCount, Amount? AvailableDebits,
    Amount? AvailableCredits)
{
    /// <summary>Takes the state of an account that exists.</summary>
    internal static AccountAfter Of(AccountState state, long version)
    {
        var (balances, spec) = (state.Balances, state.Spec!);
        return new AccountAfter(
            state.Address, balances, version, state.EntryCount,
            spec.DebitsMustNotExceedCredits is { } debits
                ? Headroom(
                    balances.CreditsPosted, debits,
                    [balances.DebitsPosted, balances.DebitsPending, balances.DebitsInDoubt])
                : null,
            spec.CreditsMustNotExceedDebits is { } credits
                ? Headroom(
                    balances.DebitsPosted, credits,
                    [balances.CreditsPosted, balances.CreditsPending, balances.CreditsInDoubt])
                : null);
    }

    // Taken off step by step, so that no sum passes the largest amount: it is asked for in the middle of a decision,
    // which must not fail for it.
    private static Amount Headroom(Amount posted, Amount allowance, ReadOnlySpan<Amount> used)
    {
        foreach (var one in used)
        {
            if (posted >= one)
            {
                posted -= one;
                continue;
            }

            var rest = one - posted;
            posted = Amount.Zero;
            if (rest > allowance)
            {
                return Amount.Zero;
            }

            allowance -= rest;
        }

        return posted.TryAdd(allowance, out var room) ? room : Amount.MaxValue;
    }
}
