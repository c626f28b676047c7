namespace Ledger.Core;

/// <summary>What became of one item of a batch. Immutable.</summary>
/// <param name="Transfer">For a transfer.</param>
/// <param name="Opening">For an opening.</param>
internal readonly record struct BatchStepResult(TransferResult? Transfer, OpenAccountResult? Opening);
