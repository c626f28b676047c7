namespace Ledger.Core;

/// <summary>A transfer that moved money, and how much. Immutable.</summary>
/// <param name="Transfer">The transfer.</param>
/// <param name="Amount">What it moved.</param>
internal readonly record struct MovedTransfer(Transfer Transfer, Amount Amount);
