namespace Ledger;

/// <summary>A page of an account's live holds. Immutable.</summary>
/// <param name="Account">The account, on either side of them.</param>
public sealed record HoldQuery(AccountAddress Account)
{
    /// <summary>How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>The last hold of the page before; nil for the first page.</summary>
    public TransferId After { get; init; }

    /// <summary>Only holds that expire before this time; null for all.</summary>
    public LedgerTime? ExpireBefore { get; init; }
}
