namespace Ledger;

/// <summary>What became of an extension. Immutable.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/> when it was set, <see cref="TransferStatus.Exists"/> when
/// it was so already, or why not.</param>
/// <param name="Deadline">When the hold expires; null when it does not, or is not there.</param>
public sealed record ExtendHoldResult(TransferId HoldId, TransferStatus Status, LedgerTime? Deadline)
{
    /// <summary>The row that holds it, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}
