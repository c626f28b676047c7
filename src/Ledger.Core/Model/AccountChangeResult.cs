namespace Ledger;

/// <summary>What became of a change.</summary>
/// <param name="Status"><see cref="AccountStatus.Changed"/>, <see cref="AccountStatus.Unchanged"/>, or why not.</param>
/// <param name="Account">The account after it; null when it does not exist.</param>
public sealed record AccountChangeResult(AccountStatus Status, Account? Account)
{
    /// <summary>The row that holds the change, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}
