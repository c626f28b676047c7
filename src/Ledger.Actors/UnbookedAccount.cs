namespace Ledger;

/// <summary>An account that has not booked a transaction which is committed. Immutable.</summary>
/// <param name="Account">The account.</param>
/// <param name="Why">What it answered when it was asked for its balances, in words.</param>
public sealed record UnbookedAccount(AccountAddress Account, string Why);
