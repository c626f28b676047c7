namespace Ledger.Client;

/// <summary>An account that has been in doubt for long.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Since">Since when, about.</param>
public sealed record AccountInDoubt(string Address, DateTimeOffset Since);
