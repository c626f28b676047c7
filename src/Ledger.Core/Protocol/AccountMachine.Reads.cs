namespace Ledger.Core;

/// <content>Reads, and how long they wait for what is in doubt (R10, R20).</content>
internal sealed partial class AccountMachine
{
    // Calls that wait for what was prepared before they came, in order of arrival.
    private Queue<Reader>? readers;

    // Reads of a transfer or transaction that is in hand: each is a waiter of what has its id in hand, too.
    private List<IdReader>? idReaders;

    // When the first of all of them has waited for long enough.
    private LedgerTime nextReader = LedgerTime.MaxValue;

    private readonly record struct Reader(long Barrier, AccountRequest Call, LedgerTime Until);

    private readonly record struct IdReader(Operation Owner, AccountRequest Call, LedgerTime Until);

    private void Read(AccountRequest call, LedgerTime now)
    {
        if (!prepared.IsEmpty)
        {
            WaitForDoubt(call, ReadUntil(call, now));
            return;
        }

        RespondToRead(call, LedgerTime.MaxValue, now);
    }

    // An answer must be there before the deadline, at a caller that may be on another node.
    private LedgerTime ReadUntil(AccountRequest call, LedgerTime now) => Earlier(now.Add(options.DoubtWait), ShareOf(call, now, 1, 2));

    // A command waits within its deadline, and fails by name while somebody listens.
    private static LedgerTime CommandUntil(AccountRequest call, LedgerTime now) => ShareOf(call, now, 3, 4);

    private static LedgerTime ShareOf(AccountRequest call, LedgerTime now, long share, long of)
    {
        var left = call.Deadline > now ? (Int128)call.Deadline.UnixMicroseconds - now.UnixMicroseconds : 0;
        return new LedgerTime((long)(now.UnixMicroseconds + (left * share / of)));
    }

    private static LedgerTime Earlier(LedgerTime one, LedgerTime other) => one < other ? one : other;

    private void WaitForDoubt(AccountRequest call, LedgerTime until)
    {
        (readers ??= []).Enqueue(new Reader(state.PreparedCount, call, until));
        WakeForReader(until);
    }

    private void WaitForId(Operation owner, AccountRequest call, LedgerTime now)
    {
        var until = ReadUntil(call, now);
        (idReaders ??= []).Add(new IdReader(owner, call, until));
        WakeForReader(until);
    }

    private void WakeForReader(LedgerTime until)
    {
        if (until < nextReader)
        {
            nextReader = until;
            host.WakeAt(until);
        }
    }

    private void RespondToRead(AccountRequest call, LedgerTime until, LedgerTime now)
    {
        var before = rows.Changes;
        try
        {
            DecideRead(call, until, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(call, e, now);
        }
    }

    private void DecideRead(AccountRequest call, LedgerTime until, LedgerTime now)
    {
        switch (call)
        {
            case GetAccountRequest:
                rows.SendWhenDurable(call.ReplyTo, new GetAccountResponse(View(now, doubtful: false)));
                break;
            case ListHoldsRequest list:
                rows.SendWhenDurable(call.ReplyTo, HoldsOf(list, now, doubtful: false));
                break;
            case OpenAccountRequest or ChangeAccountRequest when state.IsOpeningOrClosingInDoubt:
                // Another one has been prepared meanwhile.
                WaitForDoubt(call, until);
                break;
            case ChangeAccountRequest limits when AccountDecider.IsInDoubt(state, limits.Change):
                WaitForDoubt(call, until);
                break;
            case OpenAccountRequest opening:
                Open(opening, now);
                break;
            case ChangeAccountRequest change:
                Change(change, now);
                break;
            default:
                RespondToFlush(call, null);
                break;
        }
    }

    // The statement is read from the journal, so even what is lazy must be there first.
    private void RespondToFlush(AccountRequest call, LedgerTime? completeUpTo)
    {
        rows.Flush();
        rows.SendWhenDurable(call.ReplyTo, new FlushResponse(state.Spec is not null, rows.NewestRow, state.EntryCount)
        {
            CompleteUpTo = completeUpTo,
            Asset = state.Spec?.Asset ?? default,
        });
    }

    private AccountView? View(LedgerTime now, bool doubtful) => state.Spec is null
        ? null
        : new AccountView(
            state.Spec, state.OpenTime, state.Balances, state.EntryCount, rows.NewestRow, state.Closed)
        {
            Freeze = state.Freeze is { } freeze && freeze.HoldsAt(JudgedAt(now)) ? freeze : null,
            ClosedReason = state.ClosedReason,
            HoldCount = state.HoldCount,
            Doubt = doubtful ? AccountDoubt.Of(state) : null,
        };

    // One pass over all of them, which an account may have a hundred thousand of: but few are kept, and a page in order of
    // ids stays where it is while others come and go.
    private ListHoldsResponse HoldsOf(ListHoldsRequest list, LedgerTime now, bool doubtful)
    {
        var page = new SortedSet<TransferId>();
        var hasMore = false;
        foreach (var hold in state.Holds)
        {
            var id = hold.Transfer.Id;
            if (id <= list.After || (list.ExpireBefore is { } before && hold.Deadline >= before))
            {
                continue;
            }

            if (page.Count == list.Limit)
            {
                hasMore = true;
                if (id > page.Max)
                {
                    continue;
                }

                page.Remove(page.Max);
            }

            page.Add(id);
        }

        return new ListHoldsResponse(View(now, doubtful), [.. page.Select(id => RecordOf(state.FindHold(id)!))], hasMore);
    }

    private void ReleaseReaders(LedgerTime now)
    {
        while (readers is { Count: > 0 } && readers.Peek().Barrier < prepared.OldestNumber)
        {
            var reader = readers.Dequeue();
            RespondToRead(reader.Call, reader.Until, now);
        }
    }

    // Those that have waited for long enough are answered by what is decided, and told so; what would change something
    // is not done over doubt.
    private void ReleaseLateReaders(LedgerTime now)
    {
        if (nextReader == LedgerTime.MaxValue || !Backoff.IsDue(nextReader, now, ReaderPauseMax))
        {
            return;
        }

        nextReader = LedgerTime.MaxValue;
        ReleaseLateIdReaders(now);
        for (var left = readers?.Count ?? 0; left > 0; left--)
        {
            var reader = readers!.Dequeue();
            if (!Backoff.IsDue(reader.Until, now, ReaderPauseMax))
            {
                readers.Enqueue(reader);
                nextReader = Earlier(nextReader, reader.Until);
                continue;
            }

            switch (reader.Call)
            {
                case GetAccountRequest when state.Spec is not null:
                    rows.SendWhenDurable(reader.Call.ReplyTo, new GetAccountResponse(View(now, doubtful: true)));
                    break;
                case ListHoldsRequest list when state.Spec is not null:
                    rows.SendWhenDurable(reader.Call.ReplyTo, HoldsOf(list, now, doubtful: true));
                    break;
                case FlushRequest when state.Spec is not null:
                    RespondToFlush(reader.Call, OldestInDoubt is { } oldest ? AccountDoubt.CompleteBefore(oldest) : null);
                    break;
                default:
                    // An account that may have been opened is not said to be missing.
                    rows.SendWhenDurable(reader.Call.ReplyTo, new RequestFailed(RequestFailure.AccountInDoubt));
                    break;
            }
        }
    }

    // What is looked up in the journal is answered when that is read: only what others must decide is in doubt.
    private void ReleaseLateIdReaders(LedgerTime now)
    {
        for (var i = (idReaders?.Count ?? 0) - 1; i >= 0; i--)
        {
            var (owner, call, until) = idReaders![i];
            if (!owner.Waiters.Contains(call))
            {
                idReaders.RemoveAt(i);
            }
            else if (!Backoff.IsDue(until, now, ReaderPauseMax))
            {
                nextReader = Earlier(nextReader, until);
            }
            else if (owner.Phase == Phase.LookingUp && now < call.Deadline)
            {
                until = now.Add(options.DoubtWait);
                idReaders[i] = new IdReader(owner, call, until);
                nextReader = Earlier(nextReader, until);
            }
            else
            {
                idReaders.RemoveAt(i);
                owner.Waiters.Remove(call);
                rows.SendWhenDurable(call.ReplyTo, new RequestFailed(
                    now < call.Deadline ? RequestFailure.AccountInDoubt : RequestFailure.DeadlineExpired));
            }
        }
    }

    // On a clock that was set back, nobody waits longer than the longest deadline.
    private static readonly TimeSpan ReaderPauseMax = TimeSpan.FromDays(1);
}
