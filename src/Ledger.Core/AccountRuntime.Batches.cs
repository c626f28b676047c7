namespace Ledger.Core;

/// <content>Group commit and time.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- group commit (R8)

    // Answers the number of the row that holds it. What it commits, and an earlier row holds, is read with this row.
    private long Emit(AccountEvent happened, bool urgent, int contentSize = 0)
    {
        // Before it, so that a row has one event however large that is, and otherwise never more than it may have (R17).
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
        workSinceSnapshot += WorkOf(happened);
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

    private void Hold(Caller caller, AccountAnswerBase answer) => Hold(new Outgoing(caller, answer, default, null));

    private void Hold(AccountAddress to, AccountMessage message) => Hold(new Outgoing(default, null, to, message));

    // Nothing leaves before every row that it has seen is durable. A row that holds nothing but records of commits is
    // no news: the closers' journals have them, so a failure there takes back nothing that was seen.
    private void Hold(in Outgoing outgoing)
    {
        var last = open is { Urgent: true } ? open : full is { Count: > 0 } ? full.Last() : writing;
        if (last is null)
        {
            Release(outgoing);
        }
        else
        {
            (last.Held ??= []).Add(outgoing);
        }
    }

    private void Release(in Outgoing outgoing)
    {
        if (outgoing.Answer is { } answer)
        {
            calls--;
            shell.Reply(outgoing.Caller, answer);
        }
        else if (outgoing.Lookup is { } lookup)
        {
            shell.Lookup(lookup);
        }
        else
        {
            shell.Send(outgoing.To, outgoing.Message!);
        }
    }

    private void Pump()
    {
        if (writing is not null || failed)
        {
            return;
        }

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
        else
        {
            return;
        }

        shell.Write(writing);
    }

    // When a row takes no further event: the state is exactly that of the row only while nothing newer is decided, and on an account
    // under load something newer is decided all the time.
    private void TakeSnapshotIfDue(EventBatch row)
    {
        bytesSinceSnapshot += row.Size;
        if (IsSnapshotDue(row.SequenceNr))
        {
            workSinceSnapshot = bytesSinceSnapshot = 0;
            row.Snapshot = AccountSnapshot.Of(state, row.SequenceNr);
            snapshotSequenceNr = row.SequenceNr;
        }
    }

    // What is replayed after a snapshot takes time by its rows, its events and legs, and its bytes: none may grow without bound. The
    // ids in memory and the holds are most of a snapshot: it must not cost more than what it stands for, unless that has become
    // much. Accounts that are used alike must not take theirs all at once, so each stretch is from half as long to as long, by the
    // account and its place.
    private bool IsSnapshotDue(long sequenceNr)
    {
        var share = 128 + (long)(unchecked((spread ^ (ulong)snapshotSequenceNr) * 0x9E37_79B9_7F4A_7C15UL) % 129);
        var stretch = Math.Max(sequenceNr - snapshotSequenceNr, workSinceSnapshot / AccountRuntimeOptions.SnapshotEventsPerRow) * 256;
        var due = options.SnapshotEvery * share;
        var isWorthIt = workSinceSnapshot * 512 >= (state.Remembered.Count + state.HoldCount) * share;
        return (stretch >= due && isWorthIt)
            || stretch >= due * AccountRuntimeOptions.SnapshotPostponedMax
            || bytesSinceSnapshot * 256 >= options.SnapshotEveryBytes * share;
    }

    // What an event costs when it is replayed: as many legs as it has.
    private static long WorkOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => Math.Max(1, prepared.Part.Legs.Length),
        CloserCommitted committed => Math.Max(1, committed.Part.Legs.Length),
        TransactionRejected rejected => Math.Max(1, rejected.Part.Legs.Length),
        CloserRefused refused => Math.Max(1, refused.Part.Legs.Length),
        _ => 1,
    };

    private void FailHeld(EventBatch? batch, CallFailed failure)
    {
        foreach (var outgoing in batch?.Held ?? [])
        {
            if (outgoing.Answer is not null)
            {
                shell.Reply(outgoing.Caller, failure);
            }
        }
    }

    // ---------------------------------------------------------------- pauses

    private void ScheduleResend(Work work, LedgerTime now)
    {
        var pause = options.ResendAfter * (1 << Math.Min(work.Resends, 10));
        work.Resends++;
        work.ResendAt = now.Add(pause < options.ResendAfterMax ? pause : options.ResendAfterMax);
        shell.WakeAt(work.ResendAt);
    }

    // A clock that was set back must not stop the ledger: what lies further ahead than any pause is due.
    private static bool IsDue(LedgerTime due, LedgerTime now, TimeSpan pauseMax) =>
        now >= due || due > now.Add(pauseMax);

    private static bool AnyoneWaits(Work work, LedgerTime now)
    {
        foreach (var waiter in work.Waiters)
        {
            if (waiter is not AccountCall call || call.Deadline >= now)
            {
                return true;
            }
        }

        return work.IsExpiry;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var work in Works())
        {
            if (work.Phase != Phase.LookingUp && work.ResendAt < next)
            {
                next = work.ResendAt;
            }

            if (work.Phase == Phase.Releasing && work.AnswerBy < next)
            {
                next = work.AnswerBy;
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
            shell.WakeAt(next);
        }
    }
}
