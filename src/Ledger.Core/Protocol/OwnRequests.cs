namespace Ledger.Core;

/// <summary>Requests that concern this account alone: it is read, opened and changed. They wait for what is in doubt,
/// by the <see cref="ReadBarrier"/>.</summary>
internal readonly struct OwnRequests(AccountParts account)
{
    /// <summary>Answers a read, now or when what is in doubt is decided.</summary>
    /// <param name="call">The read.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it waits; else it is to be decided now.</returns>
    public bool TryWait(AccountRequest call, LedgerTime now)
    {
        if (account.Prepared.IsEmpty)
        {
            return false;
        }

        account.Barrier.Wait(call, account.Barrier.ReadUntil(call, now));
        return true;
    }

    /// <summary>Decides a request that need not wait for what was prepared before it came.</summary>
    /// <param name="call">The request.</param>
    /// <param name="until">Until when it may wait, should more be in doubt.</param>
    /// <param name="now">The time.</param>
    public void Decide(AccountRequest call, LedgerTime until, LedgerTime now)
    {
        switch (call)
        {
            case GetAccountRequest:
                account.Rows.SendWhenDurable(call.ReplyTo, new GetAccountResponse(View(now, doubtful: false)));
                break;
            case ListHoldsRequest list:
                account.Rows.SendWhenDurable(call.ReplyTo, HoldsOf(list, now, doubtful: false));
                break;
            case OpenAccountRequest or ChangeAccountRequest when account.State.IsOpeningOrClosingInDoubt:
                // Another one has been prepared meanwhile.
                account.Barrier.Wait(call, until);
                break;
            case ChangeAccountRequest limits when AccountDecider.IsInDoubt(account.State, limits.Change):
                account.Barrier.Wait(call, until);
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

    /// <summary>Answers a request that has waited for long enough by what is decided, and says so; what would change
    /// something is not done over doubt.</summary>
    /// <param name="call">The request.</param>
    /// <param name="now">The time.</param>
    public void DecideLate(AccountRequest call, LedgerTime now)
    {
        switch (call)
        {
            case GetAccountRequest when account.State.Spec is not null:
                account.Rows.SendWhenDurable(call.ReplyTo, new GetAccountResponse(View(now, doubtful: true)));
                break;
            case ListHoldsRequest list when account.State.Spec is not null:
                account.Rows.SendWhenDurable(call.ReplyTo, HoldsOf(list, now, doubtful: true));
                break;
            case FlushRequest when account.State.Spec is not null:
                RespondToFlush(
                    call, account.Prepared.Oldest is { } oldest ? AccountDoubt.CompleteBefore(oldest) : null);
                break;
            default:
                // An account that may have been opened is not said to be missing.
                account.Rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.AccountInDoubt));
                break;
        }
    }

    /// <summary>Decides a request that concerns an id alone.</summary>
    /// <param name="call">The request.</param>
    /// <param name="facts">What the journal said of the id.</param>
    /// <param name="now">The time.</param>
    public void DecideById(AccountRequest call, IdFacts facts, LedgerTime now)
    {
        switch (call)
        {
            case GetTransferRequest get:
                account.Rows.SendWhenDurable(
                    get.ReplyTo, new GetTransferResponse(Results.RecordOf(get.Id, facts, account.State)));
                break;
            case GetTransactionRequest get:
                account.Rows.SendWhenDurable(
                    get.ReplyTo,
                    new GetTransactionResponse(Results.TransactionOf(get.Id, facts, account.State.Address)));
                break;
            case ExtendHoldRequest extend:
                Extend(extend, account.Contexts.OfHold(extend.HoldId, facts), now);
                break;
            default:
                throw new LedgerInvariantException(
                    $"{account.State.Address}: nothing to decide for {call.GetType().Name}");
        }
    }

    private void Open(OpenAccountRequest call, LedgerTime now)
    {
        var status = AccountDecider.Open(account.State, call.Spec);
        var row = 0L;
        if (status == AccountStatus.Created)
        {
            var opened = new AccountOpened(call.Spec, account.Clock.BookedAt(now)) { Principal = call.Principal };
            row = account.Rows.Append(opened, urgent: true);
        }

        var known = status is AccountStatus.Created or AccountStatus.Exists;
        account.Rows.SendWhenDurable(call.ReplyTo, new OpenAccountResponse(
            new OpenAccountResult(account.State.Address, status, known ? account.State.OpenTime : default)
            {
                Position = RowPosition.Of(account.State.Address, row),
            }));
    }

    private void Change(ChangeAccountRequest call, LedgerTime now)
    {
        var status = AccountDecider.Change(account.State, call.Change, account.Clock.JudgedAt(now));
        var row = 0L;
        if (status == AccountStatus.Changed)
        {
            var changed = new AccountChanged(call.Change, account.Clock.BookedAt(now)) { Principal = call.Principal };
            row = account.Rows.Append(changed, urgent: true);
        }

        account.Rows.SendWhenDurable(call.ReplyTo, new ChangeAccountResponse(
            new AccountChangeResult(status, View(now, doubtful: true))
            {
                Position = RowPosition.Of(account.State.Address, row),
            }));
    }

    private void Extend(ExtendHoldRequest call, LegContext hold, LedgerTime now)
    {
        if (hold.InDoubt)
        {
            throw new LedgerInvariantException($"{account.State.Address}: a hold is extended that is in doubt");
        }

        LedgerTime? deadline = hold.HoldProblem == TransferStatus.None && hold.Deadline < LedgerTime.MaxValue
            ? hold.Deadline
            : null;
        var status = hold.HoldProblem != TransferStatus.None ? hold.HoldProblem
            : hold.Pending?.DebitAccount
                != account.State.Address ? TransferStatus.PendingTransferHasDifferentDebitAccountId
            : hold.Deadline <= account.Clock.JudgedAt(now) ? TransferStatus.PendingTransferExpired
            : call.HoldDeadline > LedgerLimits.HoldDeadlineMax ? TransferStatus.OverflowsTimeout
            : call.HoldDeadline == hold.Deadline ? TransferStatus.Exists
            : TransferStatus.Created;
        var row = 0L;
        if (status == TransferStatus.Created)
        {
            deadline = call.HoldDeadline;
            var extended = new HoldExtended(call.HoldId, call.HoldDeadline, account.Clock.BookedAt(now))
            {
                Principal = call.Principal,
            };
            row = account.Rows.Append(extended, urgent: true);
        }

        account.Rows.SendWhenDurable(
            call.ReplyTo,
            new ExtendHoldResponse(status, deadline) { Position = RowPosition.Of(account.State.Address, row) });
    }

    // The statement is read from the journal, so even what is lazy must be there first.
    private void RespondToFlush(AccountRequest call, LedgerTime? completeUpTo)
    {
        account.Rows.Flush();
        account.Rows.SendWhenDurable(
            call.ReplyTo,
            new FlushResponse(account.State.Spec is not null, account.Rows.NewestRow, account.State.EntryCount)
        {
            CompleteUpTo = completeUpTo,
            Asset = account.State.Spec?.Asset ?? default,
        });
    }

    private Account? View(LedgerTime now, bool doubtful) => account.State.Spec is null
        ? null
        : new Account(
            account.State.Spec, account.State.OpenTime, account.State.Balances, account.State.EntryCount,
            account.Rows.NewestRow, account.State.Closed)
        {
            Freeze = account.State.Freeze is { } freeze && freeze.HoldsAt(account.Clock.JudgedAt(now)) ? freeze : null,
            ClosedReason = account.State.ClosedReason,
            HoldCount = account.State.HoldCount,
            Doubt = doubtful ? AccountDoubt.Of(account.State) : null,
        };

    // One pass over all of them, which an account may have a hundred thousand of: but few are kept, and a page in order
    // of ids stays where it is while others come and go.
    private ListHoldsResponse HoldsOf(ListHoldsRequest list, LedgerTime now, bool doubtful)
    {
        var page = new SortedSet<TransferId>();
        var hasMore = false;
        foreach (var hold in account.State.Holds)
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

        var state = account.State;
        return new ListHoldsResponse(
            View(now, doubtful), [.. page.Select(id => Results.RecordOf(state.FindHold(id)!))], hasMore);
    }
}
