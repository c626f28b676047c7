namespace Ledger.Core;

// The events of an account. They are stored, as ledger.journal.v1: a field may be added, never removed or given
// another meaning. Anchor and closer are the two ends of a transfer, see AccountRuntime.

/// <summary>Something that happened to an account: a fact, folded by <see cref="AccountState.Evolve"/>.</summary>
public abstract record AccountEvent
{
    private protected AccountEvent(LedgerTime at) => At = at;

    /// <summary>When the account decided it; never earlier than the event before.</summary>
    public LedgerTime At { get; }
}

/// <summary>The account was opened.</summary>
/// <param name="Spec">What it was opened with.</param>
/// <param name="At">When.</param>
public sealed record AccountOpened(AccountSpec Spec, LedgerTime At) : AccountEvent(At);

/// <summary>Anchor: the transfer's money is reserved; the closer decides.</summary>
/// <param name="Transfer">The whole transfer.</param>
/// <param name="At">When.</param>
public sealed record TransferPrepared(Transfer Transfer, LedgerTime At) : AccountEvent(At);

/// <summary>Anchor: the closer has committed; the money is posted.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="PreparedSequenceNr">The row of this stream that holds its content.</param>
/// <param name="CommitTime">When the closer committed.</param>
/// <param name="At">When this account booked it.</param>
public sealed record AnchorCommitted(
    TransferId Id, long PreparedSequenceNr, LedgerTime CommitTime, LedgerTime At) : AccountEvent(At);

/// <summary>Anchor: the closer has refused, in its journal; the reservation is released.</summary>
/// <param name="Id">The transfer.</param>
/// <param name="Reason">The closer's reason.</param>
/// <param name="Seen">The balances that the closer saw; null when it does not exist.</param>
/// <param name="At">When.</param>
public sealed record TransferAborted(TransferId Id, TransferStatus Reason, Balances? Seen, LedgerTime At)
    : AccountEvent(At);

/// <summary>Anchor: the transfer was rejected before it was prepared.</summary>
/// <param name="Transfer">The whole transfer.</param>
/// <param name="Reason">The reason.</param>
/// <param name="Seen">The balances that the anchor saw; null when it does not exist.</param>
/// <param name="At">When.</param>
public sealed record TransferRejected(Transfer Transfer, TransferStatus Reason, Balances? Seen, LedgerTime At)
    : AccountEvent(At);

/// <summary>Closer: the transfer is committed. This write is the commit.</summary>
/// <param name="Transfer">The whole transfer.</param>
/// <param name="At">When: the transfer's time.</param>
public sealed record CloserCommitted(Transfer Transfer, LedgerTime At) : AccountEvent(At);

/// <summary>Closer: the transfer is refused, once and for ever.</summary>
/// <param name="Transfer">The whole transfer.</param>
/// <param name="Reason">The reason.</param>
/// <param name="Seen">The balances that the closer saw; null when it does not exist.</param>
/// <param name="At">When.</param>
public sealed record CloserRefused(Transfer Transfer, TransferStatus Reason, Balances? Seen, LedgerTime At)
    : AccountEvent(At);

/// <summary>What one journal row holds: all that an account decided while its previous row was being written.</summary>
public sealed class EventBatch
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

    /// <summary>The events, in the order in which they were decided.</summary>
    public IList<AccountEvent> Events { get; } = new List<AccountEvent>(2);

    internal List<Outgoing>? Held { get; set; }

    internal bool Urgent { get; set; }

    /// <summary>The state after this batch, when a snapshot is due; taken by the shell once the batch is durable.</summary>
    public AccountSnapshot? Snapshot { get; internal set; }
}
