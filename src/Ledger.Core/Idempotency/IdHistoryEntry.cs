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

    /// <summary>The leg that has the id; of a transfer that stands alone, its only one.</summary>
    internal ResolvedLeg? OwnLeg => Leg ?? (Branch.IsAlone ? Branch.Legs[0] : null);

    /// <summary>How a transfer differs from what was done (R7).</summary>
    /// <param name="asked">The transfer.</param>
    /// <param name="facts">What the journal said of the holds that it names.</param>
    internal TransferStatus CompareWith(Transfer asked, IdFacts facts) => OwnLeg is { Transfer: not null } leg
        ? TransferContent.Compare(leg, asked, HoldOf(asked, facts))
        : TransferStatus.ExistsWithDifferentTransfers;

    /// <summary>How a transaction differs from what was done (R7).</summary>
    /// <param name="asked">The transaction.</param>
    /// <param name="facts">What the journal said of the holds that it names.</param>
    internal TransferStatus CompareWith(TransactionBranch asked, IdFacts facts)
    {
        if (asked.IsAlone)
        {
            return CompareWith(asked.Legs[0].Transfer!, facts);
        }

        // The id of a leg is no transaction's.
        if (Branch.Id != asked.Id || Branch.LegCount != asked.LegCount || Branch.Legs.Length != asked.Legs.Length)
        {
            return TransferStatus.ExistsWithDifferentTransfers;
        }

        for (var i = 0; i < asked.Legs.Length; i++)
        {
            var leg = asked.Legs[i];
            var there = Branch.Legs[i];
            if (leg.Transfer is null
                ? there.Opening != leg.Opening || there.IfMissing != leg.IfMissing
                : there.Transfer?.Id != leg.Transfer.Id
                    || TransferContent.Compare(there, leg.Transfer, HoldOf(leg.Transfer, facts)) != TransferStatus
                        .Exists)
            {
                return TransferStatus.ExistsWithDifferentTransfers;
            }
        }

        return TransferStatus.Exists;
    }

    // The transfer that made a hold, with what its resolutions may leave to it; null where nothing is known of it. A
    // live hold is kept without that, and looked up where it counts, see IdResolver.
    private Transfer? HoldOf(Transfer resolution, IdFacts facts) => !resolution.ResolvesHold ? null
        : Branch.FindHold(resolution.HoldId) ?? facts.Find(resolution.HoldId)?.Last?.OwnLeg?.Transfer;
}
