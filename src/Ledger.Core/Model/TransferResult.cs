namespace Ledger;

/// <summary>What became of one transfer of a request. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">The outcome.</param>
/// <param name="CreateTime">When it was committed, for created and exists; when it was rejected, for a journaled
/// rejection.</param>
/// <param name="Replayed">Whether an earlier request had decided it.</param>
/// <param name="BalanceSeen">For a journaled rejection by an account that exists: the balances that it saw.</param>
public sealed record TransferResult(
    TransferId Id, TransferStatus Status, LedgerTime CreateTime, bool Replayed, Balances? BalanceSeen)
{
    /// <summary>Whether the transfer is recorded.</summary>
    public bool IsCommitted => Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>For created and exists: the amount that was moved, held or released. It differs from the amount asked
    /// for where that depended on a hold or on what the accounts had.</summary>
    public Amount Amount { get; init; }

    /// <summary>The row that decided it, where this request wrote one: of a commit the last agent's, of a rejection
    /// that of the account that was asked. None for what an earlier request had decided.</summary>
    public RowPosition Position { get; init; }

    /// <summary>Where it was asked for and this request committed the transfer: the debit account right after it. Null
    /// where it was lost on the way.</summary>
    public AccountAfter? DebitAfter { get; init; }

    /// <summary>The credit account, in the same way.</summary>
    public AccountAfter? CreditAfter { get; init; }
}
