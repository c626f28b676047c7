namespace Ledger.Client;

/// <summary>An account that has not booked a transaction which is committed. Immutable.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Detail">Why not, in words for a person.</param>
public sealed record UnbookedAccount(string Address, string Detail);
