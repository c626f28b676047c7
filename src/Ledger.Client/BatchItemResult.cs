namespace Ledger.Client;

/// <summary>What became of one item of a batch.</summary>
/// <param name="Transfer">For a transfer; otherwise null.</param>
/// <param name="Opening">For an opening; otherwise null.</param>
public sealed record BatchItemResult(TransferResult? Transfer, OpenAccountResult? Opening);
