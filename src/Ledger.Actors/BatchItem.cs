namespace Ledger;

/// <summary>One item of <see cref="ILedger.SubmitBatchAsync"/>. Immutable.</summary>
/// <param name="Leg">What to do.</param>
/// <param name="Linked">Whether the next item belongs to the same chain.</param>
public sealed record BatchItem(TransactionLeg Leg, bool Linked = false);
