namespace Ledger.Actors.Index;

/// <summary>An attempt at a transaction, at its coordinator.</summary>
/// <param name="Coordinator">The account that coordinates.</param>
/// <param name="Key">The attempt's key.</param>
internal readonly record struct PreparedKey(AccountAddress Coordinator, TransferId Key);
