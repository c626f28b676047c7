namespace Ledger.Core;

// The events of an account. They are stored, as ledger.journal.v1: a field may be added, never removed or given
// another meaning. Who coordinator, participant and last agent are, see AccountMachine.

/// <summary>Something that happened to an account: a fact, folded by
/// <see cref="AccountState.Evolve(AccountEvent, long)"/>.</summary>
internal abstract record AccountEvent
{
    private protected AccountEvent(LedgerTime at) => At = at;

    /// <summary>When the account decided it; never earlier than the event before.</summary>
    public LedgerTime At { get; }
}

/// <summary>The account was opened.</summary>
/// <param name="Spec">What it was opened with.</param>
/// <param name="At">When.</param>
internal sealed record AccountOpened(AccountSpec Spec, LedgerTime At) : AccountEvent(At)
{
    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>The account was changed.</summary>
/// <param name="Change">The change.</param>
/// <param name="At">When.</param>
internal sealed record AccountChanged(AccountChange Change, LedgerTime At) : AccountEvent(At)
{
    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>A hold of this account's expires at another time than before.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Deadline">When it expires.</param>
/// <param name="At">When it was set.</param>
internal sealed record HoldExtended(TransferId HoldId, LedgerTime Deadline, LedgerTime At) : AccountEvent(At)
{
    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";
}

/// <summary>Coordinator or participant: the legs that concern this account are reserved; the last agent
/// decides.</summary>
/// <param name="Branch">At the coordinator the whole transaction, elsewhere the account's slice of it.</param>
/// <param name="At">When.</param>
internal sealed record TransactionPrepared(TransactionBranch Branch, LedgerTime At) : AccountEvent(At);

/// <summary>Coordinator or participant: the last agent has committed; the legs are done. At the coordinator it is
/// written only once every participant has its own, so it ends the transaction.</summary>
/// <param name="Key">The attempt, see <see cref="TransactionBranch.Key"/>.</param>
/// <param name="PreparedSequenceNr">The row of this stream that holds its content.</param>
/// <param name="CommitTime">When the last agent committed.</param>
/// <param name="At">When this account booked it.</param>
internal sealed record TransactionCommitted(
    TransferId Key, long PreparedSequenceNr, LedgerTime CommitTime, LedgerTime At) : AccountEvent(At)
{
    /// <summary>The holds of this credit account that end here: the row says it without the one that it rests
    /// on.</summary>
    public IReadOnlyList<TransferId> EndedHolds { get; init; } = [];
}

/// <summary>Coordinator or participant: the last agent has refused, in its journal; what was reserved is
/// released.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Leg">The place of the leg that failed; -1 when the attempt was abandoned because it met something in
/// doubt.</param>
/// <param name="Reason">Why; <see cref="TransferStatus.None"/> when the attempt was abandoned. Of an opening, the
/// number of an
/// <see cref="AccountStatus"/>.</param>
/// <param name="Seen">The balances that the refusing account saw; null when it does not exist.</param>
/// <param name="At">When.</param>
internal sealed record TransactionAborted(
    TransferId Key, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : AccountEvent(At);

/// <summary>Coordinator: the transaction was rejected before it was prepared.</summary>
/// <param name="Branch">The whole transaction, as it was asked for.</param>
/// <param name="Leg">The place of the leg that failed.</param>
/// <param name="Reason">Why.</param>
/// <param name="Seen">The balances that the refusing account saw; null when it does not exist, or another
/// refused.</param>
/// <param name="At">When.</param>
internal sealed record TransactionRejected(
    TransactionBranch Branch, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : AccountEvent(At);

/// <summary>Last agent: the transaction is committed. This write is the commit.</summary>
/// <param name="Branch">The legs that concern this account.</param>
/// <param name="At">When it is booked.</param>
internal sealed record LastAgentCommitted(TransactionBranch Branch, LedgerTime At) : AccountEvent(At)
{
    /// <summary>The transaction's time. It is that of booking, but on an account whose last row lies ahead of its clock
    /// (R21): there rows go on from where they are, and time is the clock's.</summary>
    public LedgerTime CommitTime { get; init; } = At;
}

/// <summary>Last agent: the attempt is refused, once and for ever.</summary>
/// <param name="Branch">The legs that concern this account.</param>
/// <param name="Leg">The place of the leg that failed; -1 when the attempt was abandoned.</param>
/// <param name="Reason">Why; <see cref="TransferStatus.None"/> when the attempt was abandoned.</param>
/// <param name="Seen">The balances that the last agent saw; null when it does not exist.</param>
/// <param name="At">When.</param>
internal sealed record LastAgentRefused(
    TransactionBranch Branch, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : AccountEvent(At)
{
    /// <summary>For what an operator had aborted: who, and why; else null (R20).</summary>
    public OperatorVerdict? Verdict { get; init; }
}

/// <summary>Coordinator: a participant asked about an attempt of which there is no record; from now on there is one
/// (R2).</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="At">When.</param>
internal sealed record AbortRecorded(TransferId Key, UInt128 Digest, LedgerTime At) : AccountEvent(At);
