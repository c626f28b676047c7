namespace Ledger;

/// <summary>What became of the opening of one account. Immutable.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Status">The outcome.</param>
/// <param name="CreateTime">When it was opened, for created and exists.</param>
public sealed record OpenAccountResult(AccountAddress Address, AccountStatus Status, LedgerTime CreateTime)
{
    /// <summary>The row that holds the opening, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}
