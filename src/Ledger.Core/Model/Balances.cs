namespace Ledger;

/// <summary>The counters of an account, in minor units. None is ever negative.</summary>
/// <param name="DebitsPending">Debits reserved by holds.</param>
/// <param name="DebitsPosted">Debits that are final.</param>
/// <param name="CreditsPending">Credits reserved by holds.</param>
/// <param name="CreditsPosted">Credits that are final.</param>
/// <param name="DebitsInDoubt">Debits of transactions that are prepared and not yet decided.</param>
/// <param name="CreditsInDoubt">Credits of transactions that are prepared and not yet decided.</param>
public readonly record struct Balances(
    Amount DebitsPending, Amount DebitsPosted, Amount CreditsPending, Amount CreditsPosted,
    Amount DebitsInDoubt, Amount CreditsInDoubt)
{
    /// <summary>Posted debits less posted credits, exactly.</summary>
    public SignedAmount Balance => SignedAmount.Difference(DebitsPosted, CreditsPosted);
}
