using System.Diagnostics.CodeAnalysis;

namespace Ledger.Core;

/// <summary>Brings messages and what has claimed their ids together: who comes for an id in hand waits or is answered,
/// ids that memory does not have are looked up once, and when an operation is over those go on that waited for it
/// (R4, R6, R11).</summary>
/// <remarks>
/// Decisions that throw (R18): whoever asks for what throws asks again, another account for ever, as R1 and R3 bid it.
/// Were the account to end each time, one request would keep it, and all who use it, from working. So what throws
/// before anything is changed is a refusal:
/// <code>
///   a client's own call       fails by name; nothing is journaled
///   a participant             votes no
///   the last agent            journals a refusal, and so ends the attempt for good
///   a dry run                 says that the leg would fail
///   an expiry                 is given up, and tried again after a pause that doubles up to an hour
///   an outcome, a question about one, or a request of which it is not known whether it is decided
///                             gets no answer, as if it had been lost: its sender says it again, and no row is written
/// </code>
/// The reason is named, and final for the request: what throws will mostly throw again, and a coordinator that tried
/// anew would do so until its caller gives up, three rows at a time.
/// </remarks>
internal sealed class OperationRunner(AccountParts account, IOperationDecider decider) : IOperationRunner
{
    private long deferredRunAt;

    private AccountAddress Address => account.State.Address;

    /// <inheritdoc/>
    public void Route(AccountMessage input, LedgerTime now)
    {
        var before = account.Rows.Changes;
        try
        {
            RouteByIds(input, now);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            decider.Refuse(input, e, now);
        }
    }

    /// <inheritdoc/>
    public void RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now)
    {
        foreach (var input in inputs.ToArray())
        {
            // Many may have given up meanwhile; to ask the journal for each of them would keep those waiting that have
            // not.
            if (input is AccountRequest call && now > call.Deadline)
            {
                account.Rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
                continue;
            }

            Route(input, now);
        }
    }

    /// <inheritdoc/>
    public void RouteForeign(Operation operation, LedgerTime now)
    {
        if (operation.TakeForeign() is { } others)
        {
            RouteAgain(others, now);
        }
    }

    /// <inheritdoc/>
    public void Begin(Operation operation, LedgerTime now)
    {
        var before = account.Rows.Changes;
        try
        {
            LookUp(operation, now);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            GiveUp(operation, e, now);
        }
    }

    /// <inheritdoc/>
    public void Continue(Operation operation, LedgerTime now)
    {
        var before = account.Rows.Changes;
        try
        {
            if (account.Resolver.HasForgotten(operation))
            {
                Begin(operation, now);
            }
            else
            {
                Decide(operation, now);
            }
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            GiveUp(operation, e, now);
        }
    }

    /// <inheritdoc/>
    public void Finish(Operation operation, bool skipFirst, LedgerTime now)
    {
        account.Operations.Unclaim(operation);
        if (operation.Waiters.Count > (skipFirst ? 1 : 0))
        {
            RouteAgain(skipFirst ? operation.Waiters.Skip(1) : operation.Waiters, now);
        }

        ReleaseReaders(now);
    }

    /// <inheritdoc/>
    public void ReleaseReaders(LedgerTime now)
    {
        while (account.HasReaders && account.Barrier.TryTake(out var call, out var until))
        {
            var before = account.Rows.Changes;
            try
            {
                account.Own.Decide(call, until, now);
            }
            catch (Exception e) when (account.Rows.MayBeRefused(e, before))
            {
                decider.Refuse(call, e, now);
            }
        }
    }

    /// <inheritdoc/>
    public void ScheduleResend(Operation operation, LedgerTime now)
    {
        operation.ResendAt = now.Add(
            Backoff.Exponential(account.Options.ResendAfter, account.Options.ResendAfterMax, operation.Resends++));
        account.Host.WakeAt(operation.ResendAt);
    }

    /// <summary>The journal has answered a look-up: what asked it goes on when all answers are there.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="found">The answer.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether something went on.</returns>
    public bool TryGoOn(IdLookup lookup, IdHistory? found, LedgerTime now)
    {
        if (!TryFindAsker(lookup, out var operation, out var phase)
            || operation.Facts.Found?.TryAdd(lookup.Id, found) != true || !phase.Answered())
        {
            return false;
        }

        Continue(operation, now);
        return true;
    }

    /// <summary>The journal could not be asked: what asked it is taken off.</summary>
    /// <param name="lookup">The question.</param>
    public void LookupFailed(IdLookup lookup)
    {
        if (!TryFindAsker(lookup, out var operation, out _))
        {
            return;
        }

        account.Operations.Unclaim(operation);
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is AccountRequest call)
            {
                account.Rows.SendNow(call.ReplyTo, new RequestFailed(RequestFailure.JournalUnavailable));
            }
        }
    }

    /// <summary>Whether anybody still waits for what the journal says to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="now">The time.</param>
    public bool IsAwaited(IdLookup lookup, LedgerTime now) => TryFindAsker(lookup, out var operation, out _)
        && (operation.Input is not AccountRequest || operation.IsAwaited(now));

    /// <summary>What is due expires. The void is a transaction like any other, that nobody waits for (R12).</summary>
    /// <param name="now">The time.</param>
    public void BeginDue(LedgerTime now)
    {
        if (!account.HasExpiry)
        {
            return;
        }

        var due = account.Expiry.Due(now, out var displaced);
        foreach (var hold in due ?? [])
        {
            var asked = TransactionBranch.Of(
                HoldExpiry.VoidOf(hold), Address, account.State.Spec?.Asset ?? default, Principals.Expiry);
            var operation = new Operation(null, asked);
            account.Operations.Claim(operation, OperationIds.Of(asked, Address));
            Begin(operation, now);
        }

        foreach (var owner in displaced ?? [])
        {
            RouteAgain(owner.Waiters, now);
        }
    }

    /// <summary>Answers those that have waited for long enough for what is in doubt (R20).</summary>
    /// <param name="now">The time.</param>
    public void ReleaseLateReaders(LedgerTime now)
    {
        foreach (var (call, failure) in account.HasReaders ? account.Barrier.TakeLate(now) : [])
        {
            if (failure is { } reason)
            {
                account.Rows.SendWhenDurable(call.ReplyTo, new RequestFailed(reason));
            }
            else
            {
                account.Own.DecideLate(call, now);
            }
        }
    }

    /// <summary>After something was decided: those go on that waited for something in doubt; and the next deadline is
    /// kept.</summary>
    /// <param name="now">The time.</param>
    public void RunDeferred(LedgerTime now)
    {
        if (account.Operations.WaitingCount > 0 && deferredRunAt != account.State.LastDecision)
        {
            deferredRunAt = account.State.LastDecision;
            foreach (var operation in account.Operations.All.Where(static one => one.Phase is Waiting).ToArray())
            {
                // The end of its own attempt is no news to it.
                if (operation is { IsClaimed: true, Phase: Waiting { Since: var since } }
                    && since != account.State.LastDecision)
                {
                    Begin(operation, now);
                }
            }
        }

        if (account.HasExpiry)
        {
            account.Expiry.Arm(now);
        }

        account.Rows.StartNextWrite();
    }

    /// <summary>Takes off callers that no longer wait. What is looked up goes on with its call, and the journal's
    /// answer ends it.</summary>
    /// <param name="isDropped">Which.</param>
    /// <returns>Those that were taken off.</returns>
    public IEnumerable<AccountRequest> Drop(Func<AccountRequest, bool> isDropped)
    {
        foreach (var operation in account.Operations.All)
        {
            foreach (var call in operation.Phase is LookingUp ? [] : operation.Drop(isDropped))
            {
                yield return call;
            }
        }

        foreach (var reader in account.HasReaders ? account.Barrier.Drop(isDropped) : [])
        {
            yield return reader;
        }
    }

    private bool TryFindAsker(
        IdLookup lookup, [NotNullWhen(true)] out Operation? operation, [NotNullWhen(true)] out LookingUp? phase)
    {
        operation = account.Operations.Find(lookup.Id);
        phase = operation?.Phase as LookingUp;
        return phase is not null && phase.HasAsked(lookup);
    }

    private void RouteByIds(AccountMessage input, LedgerTime now)
    {
        var ids = OperationIds.Of(input, Address);
        if (account.Operations.HasAny)
        {
            foreach (var id in ids)
            {
                if (account.Operations.TryFind(id, out var owner))
                {
                    if (!decider.TryRespond(owner, input, now))
                    {
                        owner.Waiters.Add(input);
                        if (input is GetTransferRequest or GetTransactionRequest)
                        {
                            account.Barrier.WaitForId(owner, (AccountRequest)input, now);
                        }
                    }

                    return;
                }
            }
        }

        var operation = new Operation(input, AskedOf(input));
        if (input is AccountRequest)
        {
            operation.Waiters.Add(input);
            operation.HasFirst = true;
        }

        account.Operations.Claim(operation, ids);
        Begin(operation, now);
    }

    private TransactionBranch? AskedOf(AccountMessage input) => input switch
    {
        PostTransferRequest post =>
            TransactionBranch.Of(post.Transfer, Address, account.State.Spec?.Asset ?? default, post.Principal),
        PostTransactionRequest post => TransactionBranch.Of(post.Transaction, Address, post.Principal),
        PrepareRequest prepare => prepare.Branch,
        CommitRequest commit => commit.Branch,
        DryRunRequest dryRun => dryRun.Branch,
        OutcomeRequest asked => asked.Branch,
        _ => null,
    };

    private void LookUp(Operation operation, LedgerTime now)
    {
        account.Operations.SetPhase(operation, LookingUp.Nothing);
        operation.Facts = default;
        if (account.Resolver.QuestionsAbout(operation) is not { } questions)
        {
            Decide(operation, now);
            return;
        }

        // What was decided and has left memory may be in a row that is not durable yet; so the questions, too, leave
        // when all is durable that was decided before them. While they are out, everything about the ids joins them.
        account.Rows.RecordCommits();
        var first = account.Resolver.QuestionCount + 1;
        account.Operations.SetPhase(
            operation, new LookingUp(questions.Count, first, account.Resolver.QuestionCount + questions.Count));
        operation.Facts = new IdFacts([]);
        operation.LookedUpTo = account.Rows.NewestRow;
        foreach (var question in questions)
        {
            account.Rows.SendWhenDurable(account.Resolver.Ask(question, account.Rows.NewestRow));
        }
    }

    private void Decide(Operation operation, LedgerTime now)
    {
        decider.Decide(operation, now);
        if (!operation.IsClaimed && operation.Input is not (PostTransferRequest or PostTransactionRequest or null)
            && operation.Waiters.Count > 0)
        {
            RouteAgain(operation.Waiters, now);
        }
    }

    // What was being decided is taken off, and who asked for it is refused; those who waited for it are decided by
    // themselves.
    private void GiveUp(Operation operation, Exception thrown, LedgerTime now)
    {
        if (operation.IsClaimed)
        {
            account.Operations.Unclaim(operation);
        }

        switch (operation.Input)
        {
            case AccountRequest call:
                account.Host.DecisionFailed(call, thrown);
                if (operation.First is { } first)
                {
                    account.Rows.SendWhenDurable(first.ReplyTo, new RequestFailed(RequestFailure.DecisionFailed));
                    operation.Waiters.RemoveAt(0);
                }

                break;
            case null:
                account.Host.DecisionFailed(null, thrown);
                if (operation is { IsExpiry: true, Asked.Id: var id })
                {
                    account.Expiry.Pause(id, now, account.Options.FailedExpiryPauseMax);
                }

                break;
            default:
                decider.Refuse(operation.Input, thrown, now);
                break;
        }

        RouteAgain(operation.Waiters, now);
    }
}
