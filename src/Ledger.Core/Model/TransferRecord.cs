namespace Ledger;

/// <summary>A transfer as one of its accounts remembers it. Immutable.</summary>
/// <param name="Transfer">The transfer, as it was asked for. Reference and metadata of a hold that it left them to are
/// its own only once they have been read from <see cref="HoldRow"/>.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, or the reason of its rejection.</param>
/// <param name="CreateTime">When it was committed or rejected.</param>
/// <param name="BalanceSeen">For a rejection by an account that exists: the balances that it saw.</param>
public sealed record TransferRecord(
    Transfer Transfer, TransferStatus Status, LedgerTime CreateTime, Balances? BalanceSeen)
{
    /// <summary>The amount that was moved, held or released.</summary>
    public Amount Amount { get; init; }

    /// <summary>The transaction that it is a part of; its own id when it stood alone.</summary>
    public TransferId TransactionId { get; init; }

    /// <summary>For a hold: what has become of it.</summary>
    public HoldState Hold { get; init; }

    /// <summary>For a live hold: what is left of it.</summary>
    public Amount HoldRemaining { get; init; }

    /// <summary>See <see cref="Core.ResolvedLeg.HoldRow"/>; a row of the account whose record this is. Of a live hold,
    /// the row that has its own reference and metadata.</summary>
    public long HoldRow { get; init; }

    /// <summary>For a live hold with a timeout: when it expires; else null.</summary>
    public LedgerTime? HoldDeadline { get; init; }

    /// <summary>Who asked for it first, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}
