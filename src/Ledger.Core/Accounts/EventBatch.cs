namespace Ledger.Core;

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

    /// <summary>When the oldest transaction was prepared that is not decided before this row; null for none. A reader
    /// of the stream who wants all that was committed up to a time reads on until a row says a later one, or none
    /// (I11).</summary>
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

    /// <summary>The ids that it is entered under in the index, some more than once; null for none. Of a row that is
    /// being written; one that was read does not have them.</summary>
    public IReadOnlyList<TransferId>? IndexedIds => Indexed;

    /// <summary>The newest entry of the account before those of this row; none for none. Where it is missing when the
    /// row is written, the index has lost some.</summary>
    public IndexedId PreviousIndexed { get; internal set; }

    internal List<TransferId>? Indexed { get; set; }

    internal List<OutboundMessage>? Outbox { get; set; }

    internal bool Urgent { get; set; }

    /// <summary>The row as others see it that rest on it, or the rows that it rests on; null where there are
    /// none.</summary>
    internal WriteTicket? Ticket { get; set; }

    /// <summary>Up to which of the rows of other accounts that its own has taken in it rests on them.</summary>
    internal long RestsOnUpTo { get; set; }

    /// <summary>How many bytes the row has at most, as counted while it is made; or as it is stored, said by whoever
    /// reads it.</summary>
    internal long Size { get; set; } = EncodedSize.Row;

    /// <summary>How many bytes that have which earlier rows hold and this one commits, about; of a row that is
    /// made.</summary>
    internal long ContentSize { get; set; }

    /// <summary>Checks that the row follows on a state.</summary>
    /// <param name="state">The account, as the rows before have left it.</param>
    /// <param name="lastRow">The number of the last of them.</param>
    /// <exception cref="LedgerInvariantException">It does not (I8).</exception>
    internal void CheckFollows(AccountState state, long lastRow)
    {
        if (SequenceNr != lastRow + 1)
        {
            throw new LedgerInvariantException($"{state.Address}: row {SequenceNr} follows row {lastRow}");
        }

        if (IsVerdict)
        {
            if (Events is not [LastAgentRefused { Verdict: not null }])
            {
                throw new LedgerInvariantException(
                    $"{state.Address}: R20: row {SequenceNr} was not written by the account, and is no verdict");
            }
        }
        else if (IsBehindUnread || EntriesBefore != state.EntryCount || Before != state.Balances)
        {
            throw new LedgerInvariantException(
                $"{state.Address}: I8: row {SequenceNr} was written on another state than its replay gives");
        }
    }

    /// <summary>The state after this batch, when a snapshot is due; taken by the shell once the batch is
    /// durable.</summary>
    public AccountSnapshot? Snapshot { get; internal set; }
}
