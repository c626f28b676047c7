namespace Ledger.Core;

/// <summary>One item of a batch. Immutable.</summary>
/// <param name="Leg">What to do.</param>
/// <param name="IsLinked">Whether the next item belongs to the same chain.</param>
internal readonly record struct BatchStep(TransactionLeg Leg, bool IsLinked);
