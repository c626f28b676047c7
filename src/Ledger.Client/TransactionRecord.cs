namespace Ledger.Client;

/// <summary>A transaction as its coordinator remembers it.</summary>
/// <param name="Transaction">The transaction, with the ids of its transfers.</param>
/// <param name="Result">What became of it.</param>
public sealed record TransactionRecord(Transaction Transaction, TransactionResult Result)
{
    /// <summary>Whether posts or voids are shown without the reference or metadata that they have of their holds, since
    /// the answer would have passed 3.5 MiB. <see cref="LedgerClient.GetTransferAsync"/> shows each of them with
    /// it.</summary>
    public bool IsAbridged { get; init; }

    /// <summary>Who asked for it first; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}
