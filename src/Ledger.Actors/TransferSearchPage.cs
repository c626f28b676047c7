namespace Ledger;

/// <summary>A page of transfers from the index.</summary>
/// <param name="Transfers">The transfers.</param>
/// <param name="Next">The next page's <see cref="TransferSearch.After"/>; null on the last. A page may have fewer
/// transfers than asked for, even none, without being the last: no more than some thousands are looked at for
/// one.</param>
public sealed record TransferSearchPage(IReadOnlyList<TransferRecord> Transfers, string? Next)
{
    /// <summary>How many there are in all, where that was asked for; at most 10,000.</summary>
    public long? Count { get; init; }

    /// <summary>Whether there may be more than were counted.</summary>
    public bool IsCountCut { get; init; }

    /// <summary>The newest row that the answer rests on; none of an empty ledger.</summary>
    public RowPosition Position { get; init; }

    /// <summary>The time of the newest event that the answer rests on.</summary>
    public LedgerTime AsOf { get; init; }

    /// <summary>The epoch in which it was read.</summary>
    public long Epoch { get; init; }
}
