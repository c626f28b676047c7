namespace Ledger.Client;

/// <summary>A limit on one side of an account.</summary>
/// <param name="Allowance">How far the limit may be exceeded (an overdraft), in minor units. The default is 0.</param>
public readonly record struct AccountLimit(UInt128 Allowance);
