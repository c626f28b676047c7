namespace Ledger.Core;

/// <content>Group commit and time.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- group commit (R8)

    // Answers the number of the row that holds it. What it commits, and an earlier row holds, is read with this row.
    private long Emit(AccountEvent happened, bool urgent, int contentSize = 0)
    {
        // Before it, so that a row has one event however large that is, and otherwise never more than it may have
        // (R17).
        var size = EncodedSize.OfEvent(happened);
        if (open is not null && open.Size + size > options.BatchBytesMax)
        {
            CloseRow();
        }

        changes++;
        open ??= new EventBatch(++assignedSequenceNr, state.EntryCount, state.Balances) { OldestPrepared = OldestPrepared };
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
        eventsAndBytesSinceSnapshot += OperationOf(happened);
        open.ContentSize += contentSize;
        if (open.Events.Count >= options.BatchEventsMax || open.ContentSize >= LedgerSizes.RowContentFull)
        {
            CloseRow();
        }

        return row;
    }

    private void CloseRow()
    {
        open!.Urgent = true;
        TakeSnapshotIfDue(open);
        (full ??= []).Enqueue(open);
        open = null;
    }

    private void SendWhenDurable(ReplyTarget caller, AccountResponse answer) => SendWhenDurable(new OutboundMessage(caller, answer, default, null));

    private void SendWhenDurable(AccountAddress to, AccountMessage message) => SendWhenDurable(new OutboundMessage(default, null, to, message));

    // Nothing leaves before every row that it has seen is durable, but for requests to accounts of the same node (see
    // HandOver). A row that holds nothing but records of commits is no news: the last agents' journals have them, so a
    // failure there takes back nothing that was seen.
    private void SendWhenDurable(in OutboundMessage outgoing)
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

    private void Dispatch(in OutboundMessage outgoing)
    {
        if (outgoing.Answer is { } answer)
        {
            requests--;
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

    private void StartNextWrite()
    {
        if (writing is null && !failed)
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

    // When a row takes no further event: the state is exactly that of the row only while nothing newer is decided, and
    // on an account under load something newer is decided all the time.
    private void TakeSnapshotIfDue(EventBatch row)
    {
        bytesSinceSnapshot += row.Size;
        if (IsSnapshotDue(row.SequenceNr))
        {
            eventsAndBytesSinceSnapshot = bytesSinceSnapshot = 0;
            row.Snapshot = AccountSnapshot.Of(state, row.SequenceNr);
            snapshotSequenceNr = row.SequenceNr;
        }
    }

    // What is replayed after a snapshot takes time by its rows, its events and legs, and its bytes: none may grow
    // without bound. The ids in memory and the holds are most of a snapshot: it must not cost more than what it stands
    // for, unless that has become much. Accounts that are used alike must not take theirs all at once, so each stretch
    // is from half as long to as long, by the account and its place.
    private bool IsSnapshotDue(long sequenceNr)
    {
        var share = 128 + (long)(unchecked((jitterSeed ^ (ulong)snapshotSequenceNr) * 0x9E37_79B9_7F4A_7C15UL) % 129);
        var stretch = Math.Max(sequenceNr - snapshotSequenceNr, eventsAndBytesSinceSnapshot / AccountMachineOptions.SnapshotEventsPerRow) * 256;
        var due = options.SnapshotEvery * share;
        var isWorthIt = eventsAndBytesSinceSnapshot * 512 >= (state.Idempotency.Count + state.HoldCount) * share;
        return (stretch >= due && isWorthIt)
            || stretch >= due * AccountMachineOptions.SnapshotPostponedMax
            || bytesSinceSnapshot * 256 >= options.SnapshotEveryBytes * share;
    }

    // What an event costs when it is replayed: as many legs as it has.
    private static long OperationOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => Math.Max(1, prepared.Branch.Legs.Length),
        LastAgentCommitted committed => Math.Max(1, committed.Branch.Legs.Length),
        TransactionRejected rejected => Math.Max(1, rejected.Branch.Legs.Length),
        LastAgentRefused refused => Math.Max(1, refused.Branch.Legs.Length),
        _ => 1,
    };

    private void FailOutbox(EventBatch? batch, RequestFailed failure)
    {
        foreach (var outgoing in batch?.Outbox ?? [])
        {
            if (outgoing.Answer is not null)
            {
                host.Reply(outgoing.ReplyTo, failure);
            }
        }
    }

    // ---------------------------------------------------------------- pauses

    private void ScheduleResend(Operation operation, LedgerTime now)
    {
        var pause = options.ResendAfter * (1 << Math.Min(operation.Resends, 10));
        operation.Resends++;
        operation.ResendAt = now.Add(pause < options.ResendAfterMax ? pause : options.ResendAfterMax);
        host.WakeAt(operation.ResendAt);
    }

    // A clock that was set back must not stop the ledger: what lies further ahead than any pause is due.
    private static bool IsDue(LedgerTime due, LedgerTime now, TimeSpan pauseMax) =>
        now >= due || due > now.Add(pauseMax);

    private static bool AnyoneWaits(Operation operation, LedgerTime now)
    {
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is not AccountRequest call || call.Deadline >= now)
            {
                return true;
            }
        }

        return operation.IsExpiry;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var operation in OperationsOf())
        {
            if (operation.Phase != Phase.LookingUp && operation.ResendAt < next)
            {
                next = operation.ResendAt;
            }

            if (operation.Phase == Phase.Releasing && operation.AnswerBy < next)
            {
                next = operation.AnswerBy;
            }
        }

        if (MustRecordCommits)
        {
            var due = lazySince.Add(options.CommitRecordDelay);
            next = due < next ? due : next;
        }

        next = Earlier(next, nextReader);
        if (next < LedgerTime.MaxValue)
        {
            host.WakeAt(next);
        }
    }
}
