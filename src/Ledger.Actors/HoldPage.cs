namespace Ledger;

/// <summary>A page of an account's live holds, with the account as of the same moment.</summary>
/// <param name="Holds">The holds, in the order of their ids.</param>
/// <param name="Account">The account. On all pages together the holds are those of one moment only while its version
/// stays the same.</param>
/// <param name="Next">The next page's <see cref="HoldQuery.After"/>; nil on the last. A page may have fewer holds than
/// asked for without being the last.</param>
public sealed record HoldPage(IReadOnlyList<TransferRecord> Holds, Account Account, TransferId Next)
{
    /// <summary>The epoch in which it was read.</summary>
    public long Epoch { get; init; }
}
