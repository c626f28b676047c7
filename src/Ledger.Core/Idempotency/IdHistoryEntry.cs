namespace Ledger.Core;

/// <summary>One decision about an id, with its content. Immutable.</summary>
/// <param name="Branch">What was decided.</param>
/// <param name="Leg">The leg that has the id; null when it is the transaction's or its attempt's.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, the reason of a rejection, or
/// <see cref="TransferStatus.None"/> for an attempt that was abandoned.</param>
/// <param name="FailedLeg">For a rejection: the place of the leg that failed.</param>
/// <param name="Time">When it was decided.</param>
/// <param name="Seen">For a rejection, the balances that were seen.</param>
/// <param name="SequenceNr">The row that holds the content.</param>
internal sealed record IdHistoryEntry(
    TransactionBranch Branch, ResolvedLeg? Leg, TransferStatus Status, int FailedLeg, LedgerTime Time, Balances? Seen,
    long SequenceNr)
{
    /// <summary>Whether the id is used up by it, so that nothing else is ever done under it.</summary>
    internal bool IsFinal => Status == TransferStatus.Created
        || (Status != TransferStatus.None && !LeavesIdFree && AccountState.ConsumesId(Branch, Status));

    /// <summary>Whether it is an operator's abort as the last agent has it: the id is its coordinator's to use
    /// up.</summary>
    internal bool LeavesIdFree { get; init; }
}
