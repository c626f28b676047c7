namespace Ledger.Core;

/// <summary>Group commit: what is decided while a row is being written becomes the next row, and nothing leaves before
/// every row that it has seen is durable (R8). Not thread-safe.</summary>
/// <remarks>
/// <para>All accounts of a node write through one writer, which knows the order of its rows. So a request to prepare or
/// to commit may go to an account of the same node as soon as the row that it follows from is handed over, with the
/// ticket of that row. Whoever takes it in rests on that row: its own next row goes into the same transaction of the
/// database or into a later one, and fails if that one fails; and nothing else leaves it before the ticket is durable,
/// neither a vote, an answer nor a read. So a transfer between two accounts of a node costs one transaction (R8').
/// </para>
/// <para>Why it is safe. P1: a request leaves only when all rows that it has seen are handed over. P2: what an
/// incarnation has taken in, be it only into memory, its later rows rest on. P3: the writer sends a row in the
/// transaction of every row that it rests on, or after it was acknowledged. P4: an incarnation that rests on a row
/// which failed ends. By P1 the rows rest on each other in the order in which they were handed over, so there is no
/// circle. By P3 whatever is durable rests on durable rows alone. So what the journal holds, and what was said to
/// anybody but an account of the same node, is what R8 would have left if the incarnations that ended had crashed and
/// their requests had been lost.</para>
/// </remarks>
internal sealed class GroupCommit(
    AccountState state, PreparedOrder prepared, AccountMachineOptions options, IAccountHost host, OpenRequests requests)
{
    // Not read-only: it counts.
    private SnapshotSchedule snapshots = new(state.Address);
    private readonly UndecidedRows rests = new();

    // Rows that are complete and wait, in order; the one that takes events; the one that the host writes.
    private Queue<EventBatch>? full;
    private EventBatch? open;
    private EventBatch? writing;

    // Since when the open row holds nothing but records of commits.
    private LedgerTime lazySince;

    // What waits for the rows of others up to a number, and for a row of this account.
    private Queue<(long UpTo, long Row, OutboundMessage Outgoing)>? resting;
    private WriteTicket? watched;
    private bool isFailed;

    /// <summary>The last row that is durable.</summary>
    public long DurableRow { get; private set; }

    /// <summary>The last row that has begun.</summary>
    public long NewestRow { get; private set; }

    /// <summary>How many events were decided: what throws after that leaves half a change, which must not be built
    /// upon (R18).</summary>
    public long Changes { get; private set; }

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => writing is not null || open is not null || full is { Count: > 0 };

    /// <summary>Whether something waits for rows of other accounts.</summary>
    public bool HasResting => resting is { Count: > 0 };

    /// <summary>When the records of commits that wait for a row to share are to be written; the largest time for
    /// none.</summary>
    public LedgerTime RecordCommitsAt =>
        open is { Urgent: false } ? lazySince.Add(options.CommitRecordDelay) : LedgerTime.MaxValue;

    /// <summary>Whether what threw can be a refusal: nothing was changed before it (R18).</summary>
    /// <param name="thrown">What was thrown.</param>
    /// <param name="changesBefore">How many events were decided when the decision began.</param>
    public bool MayBeRefused(Exception thrown, long changesBefore) =>
        Changes == changesBefore && thrown is not OutOfMemoryException;

    // ---------------------------------------------------------------- recovery

    /// <summary>The account was restored from a snapshot.</summary>
    /// <param name="sequenceNr">The row that it was taken at.</param>
    public void Restored(long sequenceNr)
    {
        snapshots.Restored(sequenceNr);
        DurableRow = NewestRow = sequenceNr;
    }

    /// <summary>A row of the journal was folded.</summary>
    /// <param name="row">The row.</param>
    public void Replayed(EventBatch row)
    {
        foreach (var happened in row.Events)
        {
            snapshots.Count(happened);
        }

        snapshots.CountBytes(row.Size);
        DurableRow = NewestRow = row.SequenceNr;
    }

    // ---------------------------------------------------------------- events become rows

    /// <summary>Adds an event to the row that takes events, and to the state.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="urgent">Whether the row is to be written as soon as possible.</param>
    /// <param name="contentSize">How many bytes it commits that an earlier row holds: they are read with this
    /// row.</param>
    /// <returns>The number of the row that holds it.</returns>
    public long Append(AccountEvent happened, bool urgent, int contentSize = 0)
    {
        // Before it, so that a row has one event however large that is, and otherwise never more than it may have
        // (R17).
        var size = EncodedSize.OfEvent(happened);
        if (open is not null && open.Size + size > options.BatchBytesMax)
        {
            CloseRow(open);
        }

        Changes++;
        open ??= new EventBatch(++NewestRow, state.EntryCount, state.Balances)
        {
            OldestPrepared = prepared.Oldest?.PreparedTime,
        };
        var row = open.SequenceNr;
        var indexed = open.Indexed;
        if (indexed is null)
        {
            open.PreviousIndexed = state.NewestIndexed;
        }

        state.Evolve(happened, row, ref indexed);
        open.Indexed = indexed;
        open.Events.Add(happened);
        open.Size += size;
        open.Urgent |= urgent;
        snapshots.Count(happened);
        open.ContentSize += contentSize;
        if (open.Events.Count >= options.BatchEventsMax || open.ContentSize >= LedgerSizes.RowContentFull)
        {
            CloseRow(open);
        }

        return row;
    }

    /// <summary>Adds the record of a commit. The last agent's journal has the commit, so the record may wait for a row
    /// to share.</summary>
    /// <param name="commit">The record.</param>
    /// <param name="contentSize">How many bytes it commits that an earlier row holds.</param>
    /// <param name="now">The time.</param>
    public void AppendLazily(TransactionCommitted commit, int contentSize, LedgerTime now)
    {
        Append(commit, urgent: false, contentSize);
        if (open is { Urgent: false, Events.Count: 1 })
        {
            // It has begun a row, which others may share.
            lazySince = now;
            host.WakeAt(now.Add(options.CommitRecordDelay));
        }
    }

    /// <summary>Has records of commits written with the next row, if some wait.</summary>
    public void RecordCommits()
    {
        if (open is { Urgent: false })
        {
            open.Urgent = true;
        }
    }

    /// <summary>The same, if they have waited for long enough.</summary>
    /// <param name="now">The time.</param>
    public void RecordLateCommits(LedgerTime now)
    {
        if (open is { Urgent: false } && Backoff.IsDue(RecordCommitsAt, now, options.CommitRecordDelay))
        {
            open.Urgent = true;
        }
    }

    private void CloseRow(EventBatch row)
    {
        row.Urgent = true;
        TakeSnapshotIfDue(row);
        (full ??= []).Enqueue(row);
        open = null;
    }

    // When a row takes no further event: the state is exactly that of the row only while nothing newer is decided, and
    // on an account under load something newer is decided all the time.
    private void TakeSnapshotIfDue(EventBatch row)
    {
        snapshots.CountBytes(row.Size);
        if (snapshots.TryBegin(row.SequenceNr, state.Idempotency.Count + state.HoldCount, options))
        {
            row.Snapshot = AccountSnapshot.Of(state, row.SequenceNr);
        }
    }

    // ---------------------------------------------------------------- what leaves, and when

    /// <summary>Answers a caller when all is durable that the answer has seen.</summary>
    /// <param name="caller">Who waits.</param>
    /// <param name="answer">The answer.</param>
    public void SendWhenDurable(ReplyTarget caller, AccountResponse answer) =>
        SendWhenDurable(OutboundMessage.Of(caller, answer));

    /// <summary>Sends a message to another account when all is durable that the message has seen.</summary>
    /// <param name="to">The account.</param>
    /// <param name="message">The message.</param>
    public void SendWhenDurable(AccountAddress to, AccountMessage message) =>
        SendWhenDurable(OutboundMessage.Of(to, message));

    /// <summary>Lets something leave when every row is durable that it has seen, but for requests to accounts of the
    /// same node. A row that holds nothing but records of commits is no news: the last agents' journals have them, so a
    /// failure there takes back nothing that was seen.</summary>
    /// <param name="outgoing">What.</param>
    public void SendWhenDurable(in OutboundMessage outgoing)
    {
        var last = open is { Urgent: true } ? open : full is { Count: > 0 } ? full.Last() : writing;
        if (RestsOnMoreThan(last))
        {
            HoldBack(outgoing, last);
        }
        else if (last is null)
        {
            Dispatch(outgoing);
        }
        else
        {
            (last.Outbox ??= []).Add(outgoing);
        }
    }

    /// <summary>Answers a caller at once: the answer rests on no row of this account.</summary>
    /// <param name="caller">Who waits.</param>
    /// <param name="answer">The answer.</param>
    public void SendNow(ReplyTarget caller, AccountResponse answer) => Dispatch(OutboundMessage.Of(caller, answer));

    private void Dispatch(in OutboundMessage outgoing)
    {
        if (outgoing.Answer is { } answer)
        {
            requests.End();
            host.Reply(outgoing.ReplyTo, answer);
        }
        else if (outgoing.Lookup is { } lookup)
        {
            host.Lookup(lookup);
        }
        else
        {
            host.Send(outgoing.To, outgoing.Message!);
        }
    }

    // ---------------------------------------------------------------- writing

    /// <summary>Hands the next row to the host, if there is one and no other is being written.</summary>
    public void StartNextWrite()
    {
        if (writing is null && !isFailed)
        {
            if (full is { Count: > 0 })
            {
                writing = full.Dequeue();
            }
            else if (open is { Urgent: true })
            {
                TakeSnapshotIfDue(open);
                writing = open;
                open = null;
            }

            if (writing is not null)
            {
                HandOver(writing);
            }
        }

        WatchTickets();
    }

    /// <summary>Has even records of commits written now.</summary>
    public void Flush()
    {
        RecordCommits();
        StartNextWrite();
    }

    /// <summary>The row that was being written is durable: what waited for it leaves.</summary>
    public void WriteSucceeded()
    {
        var written = writing ?? throw new LedgerInvariantException($"{state.Address}: nothing was being written");
        writing = null;
        DurableRow = written.SequenceNr;

        // P3: where the row is durable, so is everything that it rests on.
        rests.ForgetUpTo(written.RestsOnUpTo);
        if (written.Outbox is { } outbox)
        {
            foreach (var outgoing in outbox)
            {
                Dispatch(outgoing);
            }
        }

        LetRestingGo();
        StartNextWrite();
    }

    /// <summary>Nothing more is written. Whoever waits for something that was decided learns that its outcome is
    /// unknown.</summary>
    /// <param name="failure">What callers are told.</param>
    public void Fail(RequestFailed failure)
    {
        isFailed = true;
        FailOutbox(writing, failure);
        foreach (var batch in full ?? [])
        {
            FailOutbox(batch, failure);
        }

        FailOutbox(open, failure);
        foreach (var (_, _, outgoing) in resting ?? [])
        {
            FailOne(outgoing, failure);
        }
    }

    private void FailOutbox(EventBatch? batch, RequestFailed failure)
    {
        foreach (var outgoing in batch?.Outbox ?? [])
        {
            FailOne(outgoing, failure);
        }
    }

    private void FailOne(in OutboundMessage outgoing, RequestFailed failure)
    {
        if (outgoing.Answer is not null)
        {
            host.Reply(outgoing.ReplyTo, failure);
        }
    }

    // The row is complete: nothing that it has seen may be missing from its ticket, and what only asks leaves.
    private void HandOver(EventBatch row)
    {
        var pending = rests.Take();
        row.RestsOnUpTo = rests.Count;
        if (pending is not null)
        {
            row.Ticket = new WriteTicket();
            row.Ticket.RestOn(pending);
        }

        if (options.SendsAhead && row.Outbox is { } outbox)
        {
            SendAhead(row, outbox);
        }

        host.Write(row);
    }

    private void SendAhead(EventBatch row, List<OutboundMessage> outbox)
    {
        var kept = 0;
        for (var i = 0; i < outbox.Count; i++)
        {
            if (!MayLeaveAhead(outbox[i].Message)
                || !host.SendAhead(outbox[i].To, outbox[i].Message!, row.Ticket ??= new WriteTicket()))
            {
                outbox[kept++] = outbox[i];
            }
        }

        outbox.RemoveRange(kept, outbox.Count - kept);
    }

    // What only asks: whoever is asked answers when it is durable, and so do votes, refusals and outcomes wait.
    private static bool MayLeaveAhead(AccountMessage? message) => message is CommitRequest or PrepareRequest;

    // ---------------------------------------------------------------- rows of other accounts (R8')

    /// <summary>A message is to be taken in that rests on a row of another account.</summary>
    /// <param name="ticket">That row.</param>
    /// <returns>Whether it may be taken in.</returns>
    public bool TryRestOn(WriteTicket ticket) => rests.TryAdd(ticket);

    /// <summary>What this account waited for is decided, and no row of its own tells.</summary>
    /// <returns>Whether the account may go on (G6).</returns>
    public bool TicketDecided()
    {
        watched = null;
        if (rests.ForgetDurable() && rests.Oldest.Ticket.Outcome == WriteOutcome.Failed)
        {
            return false;
        }

        LetRestingGo();
        WatchTickets();
        return true;
    }

    // Whether something was taken in that the row does not rest on, and that may not be durable.
    private bool RestsOnMoreThan(EventBatch? row)
    {
        if (!rests.HasAny || (row is not null && row != writing))
        {
            // What is not handed over yet will rest on all of it.
            return false;
        }

        return rests.ForgetDurable() && rests.Count > (row?.RestsOnUpTo ?? 0);
    }

    // It waits for what the account rests on now, and not for what comes later (G11).
    private void HoldBack(in OutboundMessage outgoing, EventBatch? row) =>
        (resting ??= []).Enqueue((rests.Count, row?.SequenceNr ?? 0, outgoing));

    private void LetRestingGo()
    {
        rests.ForgetDurable();
        while (resting is { Count: > 0 } && resting.Peek() is var first && first.Row <= DurableRow
            && (!rests.HasAny || rests.Oldest.Number > first.UpTo))
        {
            resting.Dequeue();
            Dispatch(first.Outgoing);
        }
    }

    // Where a row of this account rests on all of it, that row tells: it fails with what it rests on.
    private void WatchTickets()
    {
        if (!rests.HasAny || watched is not null || isFailed || open is { Urgent: true } || full is { Count: > 0 }
            || (writing is not null && writing.RestsOnUpTo >= rests.Count))
        {
            return;
        }

        if (rests.ForgetDurable())
        {
            watched = rests.Oldest.Ticket;
            host.Watch(watched);
        }
        else
        {
            LetRestingGo();
        }
    }
}
