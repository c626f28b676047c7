namespace Ledger.Core;

/// <summary>How a request of a client goes on that is not prepared: it is answered, given up, or waits.</summary>
internal readonly struct PendingRequests(AccountParts account)
{
    /// <summary>Nothing waits any longer: who asked learns why, and has used no id.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="failure">Why.</param>
    /// <param name="now">The time.</param>
    public void GiveUp(Operation operation, RequestFailed failure, LedgerTime now)
    {
        if (operation.First is { } call)
        {
            account.Rows.SendWhenDurable(call.ReplyTo, failure);
        }

        account.Runner.Finish(operation, skipFirst: operation.HasFirst, now);
    }

    /// <summary>The request is decided: who asked is answered, and those go on that waited.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="result">The answer.</param>
    /// <param name="now">The time.</param>
    public void Answer(Operation operation, TransactionResult result, LedgerTime now)
    {
        if (operation.First is { } call)
        {
            account.Rows.SendWhenDurable(call.ReplyTo, Results.Respond(call, result));
        }

        account.Runner.Finish(operation, skipFirst: operation.HasFirst, now);
    }

    /// <summary>It waits for something in doubt (R10, R11). A refusal for want of money waits no longer than a read.
    /// The last look is when the wait is over.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="isForMoney">Whether it would be refused for want of money.</param>
    /// <param name="now">The time.</param>
    public void Wait(Operation operation, bool isForMoney, LedgerTime now)
    {
        if (operation.Input is AccountRequest asked)
        {
            if (operation.GiveUpAt != default && now >= operation.GiveUpAt)
            {
                GiveUp(operation, new RequestFailed(RequestFailure.AccountInDoubt), now);
                return;
            }

            var until = isForMoney ? account.Barrier.ReadUntil(asked, now) : ReadBarrier.CommandUntil(asked, now);
            operation.GiveUpAt = operation.GiveUpAt == default ? until : LedgerTime.Min(operation.GiveUpAt, until);
        }

        account.Operations.SetPhase(operation, new Waiting(account.State.LastDecision));
        var pause = Backoff.Exponential(account.Options.RetryAfter, account.Options.RetryAfterMax, operation.Retries);
        operation.Retries++;
        operation.ResendAt = now.Add(Backoff.Spread(pause, operation.Ids[0], operation.Retries));
        if (operation.GiveUpAt != default && operation.GiveUpAt < operation.ResendAt)
        {
            operation.ResendAt = operation.GiveUpAt;
        }

        account.Host.WakeAt(operation.ResendAt);
        account.Runner.RouteForeign(operation, now);
    }
}
