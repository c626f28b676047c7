namespace Ledger.Client;

/// <summary>The counters of an account, in minor units. None is ever negative.</summary>
/// <param name="DebitsPending">Debits reserved by holds.</param>
/// <param name="DebitsPosted">Debits that are final.</param>
/// <param name="CreditsPending">Credits reserved by holds.</param>
/// <param name="CreditsPosted">Credits that are final.</param>
/// <param name="DebitsInDoubt">Debits of transactions that are not yet decided. They count against limits.</param>
/// <param name="CreditsInDoubt">Credits of transactions that are not yet decided. They can't be spent.</param>
public readonly record struct Balances(
    UInt128 DebitsPending,
    UInt128 DebitsPosted,
    UInt128 CreditsPending,
    UInt128 CreditsPosted,
    UInt128 DebitsInDoubt,
    UInt128 CreditsInDoubt);
