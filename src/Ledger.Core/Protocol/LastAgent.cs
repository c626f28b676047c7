namespace Ledger.Core;

/// <summary>The last agent: its journal write is the commit. What it has decided it says for ever (R1).</summary>
internal sealed class LastAgent(
    AccountState state, AccountTime clock, IdResolver resolver, LegContexts contexts, BranchVerifier verifier,
    GroupCommit rows, FutureRequests future, IOperationRunner runner)
{
    /// <summary>Decides a request to commit, or to refuse.</summary>
    /// <param name="request">The request.</param>
    /// <param name="facts">What the journal said of its ids.</param>
    /// <param name="now">The time.</param>
    public void Decide(CommitRequest request, IdFacts facts, LedgerTime now)
    {
        var branch = request.Branch;
        if (resolver.FindRecord(branch.Key, branch.Digest, facts) is { } record)
        {
            Respond(branch, record);
            return;
        }

        var used = resolver.ConsumedId(branch, branch.Key, facts);
        if (used != TransferStatus.None)
        {
            RespondConsumed(branch, used, now);
            return;
        }

        if (future.TryKeep(request, branch.Key, request.Time, now))
        {
            return;
        }

        used = resolver.ConsumedId(branch, facts);
        if (used != TransferStatus.None)
        {
            Refuse(request, RefusalOfConsumed(branch, used), now);
            return;
        }

        if (resolver.IsKnown(branch.Key, facts))
        {
            // An attempt of another content under this key was refused: this one needs a key of its own.
            Refuse(request, null, now);
            return;
        }

        if (request is { Cancel: true, Verdict: not null })
        {
            // Whatever the legs would come to, and whether or not that can be decided.
            Refuse(request, null, now);
            return;
        }

        var decision = verifier.Verify(branch, facts, null, request, clock.JudgedAt(now, request.Time));
        if (decision.InDoubt)
        {
            Refuse(request, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            Refuse(request, verifier.RefusalOf(decision), now);
        }
        else if (request.Cancel)
        {
            Refuse(request, null, now);
        }
        else
        {
            Commit(request, now);
        }
    }

    /// <summary>Refuses for ever.</summary>
    /// <param name="request">What was asked.</param>
    /// <param name="refusal">Why; null where it was only told to cancel, or met something in doubt.</param>
    /// <param name="now">The time.</param>
    public void Refuse(CommitRequest request, Refusal? refusal, LedgerTime now)
    {
        var branch = request.Branch;
        var at = clock.BookedAt(now, request.Time);
        if (refusal is null && request is { Cancel: true, Verdict: not null })
        {
            refusal = verifier.RefusalOf(new LegDecision(TransferStatus.AbortedByOperator, branch.Legs[0]));
        }

        var reason = refusal?.Reason ?? TransferStatus.None;
        rows.Append(
            new LastAgentRefused(contexts.WithHoldRows(branch), refusal?.Leg ?? -1, reason, refusal?.Seen, at)
            {
                Verdict = reason == TransferStatus.AbortedByOperator ? request.Verdict : null,
            },
            urgent: true);
        rows.SendWhenDurable(
            branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, false, at, refusal));
    }

    /// <summary>Refuses because another transaction has used up the id. What used it up is journaled, and stays so:
    /// that is the refusal.</summary>
    /// <param name="branch">What was asked.</param>
    /// <param name="used">The reason.</param>
    /// <param name="now">The time.</param>
    public void RespondConsumed(TransactionBranch branch, TransferStatus used, LedgerTime now) => rows.SendWhenDurable(
        branch.Coordinator,
        new CommitResponse(
            branch.Key, branch.Digest, false, clock.JudgedAt(now), RefusalOfConsumed(branch, used)));

    /// <summary>Says again what is decided.</summary>
    /// <param name="branch">What was asked.</param>
    /// <param name="record">What is decided.</param>
    public void Respond(TransactionBranch branch, IdempotencyRecord record)
    {
        var committed = record.Status == TransferStatus.Created;
        rows.SendWhenDurable(branch.Coordinator, new CommitResponse(
            branch.Key, branch.Digest, committed, record.Time,
            committed || record.Status == TransferStatus.None
                ? null
                : new Refusal(
                    record.Details.FailedLeg, record.Status, state.Spec?.Asset ?? default, record.Details.Seen))
        {
            Row = committed ? record.SequenceNr : 0,
        });
    }

    private Refusal RefusalOfConsumed(TransactionBranch branch, TransferStatus used) =>
        verifier.RefusalOf(new LegDecision(used, branch.Legs[0])) with { Seen = null };

    private void Commit(CommitRequest request, LedgerTime now)
    {
        var branch = request.Branch;
        var at = clock.JudgedAt(now, request.Time);
        var row = rows.Append(
            new LastAgentCommitted(contexts.WithHoldRows(branch), clock.BookedAt(now, at)) { CommitTime = at },
            urgent: true);
        rows.SendWhenDurable(branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, true, at, null)
        {
            Row = row, After = request.ReturnBalances ? AccountAfter.Of(state, row) : null,
        });
        runner.ReleaseReaders(now);
    }
}
