namespace Ledger.Core;

/// <summary>What the journal holds about an id. Immutable.</summary>
/// <param name="Records">The decisions about it, oldest first; empty when there is only a record of ignorance
/// (R2).</param>
/// <param name="Hold">For a hold: what has become of it.</param>
/// <param name="Reversed">How much of it has been taken back.</param>
internal sealed record IdHistory(IReadOnlyList<IdHistoryEntry> Records, HoldState Hold, Amount Reversed)
{
    /// <summary>Whether one of the decisions used the id up. It need not be the last: a later refusal of the id, which
    /// says just that, uses nothing up.</summary>
    internal bool IsConsumed => Records.Any(static record => record.IsFinal);

    /// <summary>The decision that counts: what was done, else the last rejection, else the last attempt that was
    /// abandoned.</summary>
    public IdHistoryEntry? Last
    {
        get
        {
            IdHistoryEntry? last = null;
            foreach (var record in Records)
            {
                if (last is null || record.Status == TransferStatus.Created
                    || (last.Status != TransferStatus.Created
                        && (record.Status != TransferStatus.None || last.Status == TransferStatus.None)))
                {
                    last = record;
                }
            }

            return last;
        }
    }
}
