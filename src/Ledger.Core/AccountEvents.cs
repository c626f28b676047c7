namespace Ledger.Core;

// The events of an account. They are stored, as ledger.journal.v1: a field may be added, never removed or given
// another meaning. Who coordinator, participant and last agent are, see AccountMachine.

/// <summary>Something that happened to an account: a fact, folded by <see cref="AccountState.Evolve(AccountEvent, long)"/>.</summary>
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

/// <summary>Coordinator or participant: the legs that concern this account are reserved; the last agent decides.</summary>
/// <param name="Branch">At the coordinator the whole transaction, elsewhere the account's slice of it.</param>
/// <param name="At">When.</param>
internal sealed record TransactionPrepared(TransactionBranch Branch, LedgerTime At) : AccountEvent(At);

/// <summary>Coordinator or participant: the last agent has committed; the legs are done. At the coordinator it is written only once every
/// participant has its own, so it ends the transaction.</summary>
/// <param name="Key">The attempt, see <see cref="TransactionBranch.Key"/>.</param>
/// <param name="PreparedSequenceNr">The row of this stream that holds its content.</param>
/// <param name="CommitTime">When the last agent committed.</param>
/// <param name="At">When this account booked it.</param>
internal sealed record TransactionCommitted(
    TransferId Key, long PreparedSequenceNr, LedgerTime CommitTime, LedgerTime At) : AccountEvent(At)
{
    /// <summary>The holds of this credit account that end here: the row says it without the one that it rests on.</summary>
    public IReadOnlyList<TransferId> EndedHolds { get; init; } = [];
}

/// <summary>Coordinator or participant: the last agent has refused, in its journal; what was reserved is released.</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Leg">The place of the leg that failed; -1 when the attempt was abandoned because it met something in doubt.</param>
/// <param name="Reason">Why; <see cref="TransferStatus.None"/> when the attempt was abandoned. Of an opening, the number of an
/// <see cref="AccountStatus"/>.</param>
/// <param name="Seen">The balances that the refusing account saw; null when it does not exist.</param>
/// <param name="At">When.</param>
internal sealed record TransactionAborted(
    TransferId Key, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : AccountEvent(At);

/// <summary>Coordinator: the transaction was rejected before it was prepared.</summary>
/// <param name="Branch">The whole transaction, as it was asked for.</param>
/// <param name="Leg">The place of the leg that failed.</param>
/// <param name="Reason">Why.</param>
/// <param name="Seen">The balances that the refusing account saw; null when it does not exist, or another refused.</param>
/// <param name="At">When.</param>
internal sealed record TransactionRejected(
    TransactionBranch Branch, int Leg, TransferStatus Reason, Balances? Seen, LedgerTime At) : AccountEvent(At);

/// <summary>Last agent: the transaction is committed. This write is the commit.</summary>
/// <param name="Branch">The legs that concern this account.</param>
/// <param name="At">When it is booked.</param>
internal sealed record LastAgentCommitted(TransactionBranch Branch, LedgerTime At) : AccountEvent(At)
{
    /// <summary>The transaction's time. It is that of booking, but on an account whose last row lies ahead of its clock (R21): there
    /// rows go on from where they are, and time is the clock's.</summary>
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

/// <summary>Coordinator: a participant asked about an attempt of which there is no record; from now on there is one (R2).</summary>
/// <param name="Key">The attempt.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="At">When.</param>
internal sealed record AbortRecorded(TransferId Key, UInt128 Digest, LedgerTime At) : AccountEvent(At);

/// <summary>Tests: the counters were set. Never in a production journal: only a ledger that allows seeding writes it.</summary>
/// <param name="Balances">The counters.</param>
/// <param name="At">When.</param>
internal sealed record BalancesSeeded(Balances Balances, LedgerTime At) : AccountEvent(At);

/// <summary>What one journal row holds: all that an account decided while its previous row was being written.</summary>
internal sealed class EventBatch
{
    /// <summary>Makes a batch.</summary>
    /// <param name="sequenceNr">The row's number in the account's stream.</param>
    /// <param name="entriesBefore">How many statement entries precede it.</param>
    /// <param name="before">The counters before it.</param>
    public EventBatch(long sequenceNr, ulong entriesBefore, Balances before)
    {
        SequenceNr = sequenceNr;
        EntriesBefore = entriesBefore;
        Before = before;
    }

    /// <summary>The row's number in the account's stream: 1, 2, 3 and so on.</summary>
    public long SequenceNr { get; }

    /// <summary>How many statement entries precede it.</summary>
    public ulong EntriesBefore { get; }

    /// <summary>The counters before it: the start of running balances, and a checksum on replay (I8).</summary>
    public Balances Before { get; }

    /// <summary>When the oldest transaction was prepared that is not decided before this row; null for none. A reader of the stream
    /// who wants all that was committed up to a time reads on until a row says a later one, or none (I11).</summary>
    public LedgerTime? OldestPrepared { get; init; }

    /// <summary>Whether it is an operator's verdict, written for an account that does not answer and not by it. It
    /// holds nothing but that, and says neither entries nor counters before it: whoever wrote it had not folded the
    /// stream.</summary>
    public bool IsVerdict { get; init; }

    /// <summary>Whether the row before such a verdict could not be read when it was written. What the verdict says of
    /// that row's hash is true of the damaged bytes only, so that the account can be read again once those are
    /// fixed.</summary>
    public bool IsBehindUnread { get; init; }

    /// <summary>The events, in the order in which they were decided.</summary>
    public IList<AccountEvent> Events { get; } = new List<AccountEvent>(2);

    /// <summary>The ids that it is entered under in the index, some more than once; null for none. Of a row that is being written; one
    /// that was read does not have them.</summary>
    public IReadOnlyList<TransferId>? IndexedIds => Indexed;

    /// <summary>The newest entry of the account before those of this row; none for none. Where it is missing when the row is written,
    /// the index has lost some.</summary>
    public IndexedId PreviousIndexed { get; internal set; }

    internal List<TransferId>? Indexed { get; set; }

    internal List<OutboundMessage>? Outbox { get; set; }

    internal bool Urgent { get; set; }

    /// <summary>How many bytes the row has at most, as counted while it is made; or as it is stored, said by whoever reads it.</summary>
    internal long Size { get; set; } = EncodedSize.Row;

    /// <summary>How many bytes that have which earlier rows hold and this one commits, about; of a row that is made.</summary>
    internal long ContentSize { get; set; }

    /// <summary>The state after this batch, when a snapshot is due; taken by the shell once the batch is durable.</summary>
    public AccountSnapshot? Snapshot { get; internal set; }
}
