using Ledger.Core;

namespace Ledger;

/// <summary>By how much a transaction would change the counters of one account, in minor units. Immutable.</summary>
/// <param name="DebitsPending">Debits that it holds, less those that it releases.</param>
/// <param name="DebitsPosted">Debits that it posts.</param>
/// <param name="CreditsPending">Credits that it holds, less those that it releases.</param>
/// <param name="CreditsPosted">Credits that it posts.</param>
public readonly record struct CounterChanges(
    SignedAmount DebitsPending, SignedAmount DebitsPosted, SignedAmount CreditsPending, SignedAmount CreditsPosted)
{
    /// <summary>Sums up the legs of an account.</summary>
    /// <param name="branch">The transaction, or what the account has of it.</param>
    /// <param name="account">The account.</param>
    internal static CounterChanges Of(TransactionBranch branch, AccountAddress account)
    {
        Span<UInt128> up = stackalloc UInt128[4];
        Span<UInt128> down = stackalloc UInt128[4];
        up.Clear();
        down.Clear();
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is not { } transfer || !leg.Concerns(account))
            {
                continue;
            }

            var pending = transfer.DebitAccount == account ? 0 : 2;
            if (leg.IsHold)
            {
                Add(ref up[pending], leg.Amount);
            }

            if (leg.IsPosting)
            {
                Add(ref up[pending + 1], leg.Amount);
            }

            if (transfer.ResolvesHold)
            {
                Add(ref down[pending], leg.Released);
            }
        }

        return new CounterChanges(
            Less(up[0], down[0]), Less(up[1], down[1]), Less(up[2], down[2]), Less(up[3], down[3]));
    }

    // Sums are bounds: one that would pass the largest amount stays there.
    internal static void Add(ref UInt128 sum, Amount amount) =>
        sum = UInt128.MaxValue - sum < amount.Value ? UInt128.MaxValue : sum + amount.Value;

    private static SignedAmount Less(UInt128 up, UInt128 down) =>
        SignedAmount.Difference(new Amount(up), new Amount(down));
}
