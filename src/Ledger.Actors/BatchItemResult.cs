namespace Ledger;

/// <summary>What became of one item of a batch. Immutable.</summary>
/// <param name="Transfer">For a transfer.</param>
/// <param name="Opening">For an opening.</param>
public sealed record BatchItemResult(TransferResult? Transfer, OpenAccountResult? Opening);
