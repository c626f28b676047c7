using System.Numerics;

namespace Ledger.Testing;

/// <summary>The counters of many accounts together, without a limit.</summary>
internal readonly record struct BookSums(
    BigInteger DebitsPosted, BigInteger CreditsPosted, BigInteger DebitsPending, BigInteger CreditsPending)
{
    public bool IsBalanced => DebitsPosted == CreditsPosted && DebitsPending == CreditsPending;

    public BookSums With(Balances balances) => new(
        DebitsPosted + balances.DebitsPosted.Value, CreditsPosted + balances.CreditsPosted.Value,
        DebitsPending + balances.DebitsPending.Value, CreditsPending + balances.CreditsPending.Value);

    public override string ToString() =>
        $"debits {DebitsPosted} posted and {DebitsPending} held, credits {CreditsPosted} posted and {CreditsPending} "
            + "held";
}
