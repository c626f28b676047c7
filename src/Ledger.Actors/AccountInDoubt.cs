namespace Ledger;

/// <summary>An account that has been in doubt for long. Immutable.</summary>
/// <param name="Account">The account.</param>
/// <param name="Since">Since when, about.</param>
public sealed record AccountInDoubt(AccountAddress Account, LedgerTime Since);
