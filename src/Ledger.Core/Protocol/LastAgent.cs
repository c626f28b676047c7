namespace Ledger.Core;

/// <summary>The last agent: its journal write is the commit. What it has decided it says for ever (R1).</summary>
internal readonly struct LastAgent(AccountParts account)
{
    /// <summary>Decides a request to commit, or to refuse.</summary>
    /// <param name="request">The request.</param>
    /// <param name="facts">What the journal said of its ids.</param>
    /// <param name="now">The time.</param>
    public void Decide(CommitRequest request, IdFacts facts, LedgerTime now)
    {
        var branch = request.Branch;
        if (account.Resolver.FindRecord(branch.Key, branch.Digest, facts) is { } record)
        {
            Respond(branch, record);
            return;
        }

        var used = account.Resolver.ConsumedId(branch, branch.Key, facts);
        if (used != TransferStatus.None)
        {
            RespondConsumed(branch, used, now);
            return;
        }

        if (account.TryKeep(request, branch.Key, request.Time, now))
        {
            return;
        }

        used = account.Resolver.ConsumedId(branch, facts);
        if (used != TransferStatus.None)
        {
            Refuse(request, RefusalOfConsumed(branch, used), now);
            return;
        }

        if (account.Resolver.IsKnown(branch.Key, facts))
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

        var decision = account.Verifier.Verify(branch, facts, null, request, account.Clock.JudgedAt(now, request.Time));
        if (decision.InDoubt)
        {
            Refuse(request, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            Refuse(request, account.Verifier.RefusalOf(decision), now);
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
        var at = account.Clock.BookedAt(now, request.Time);
        if (refusal is null && request is { Cancel: true, Verdict: not null })
        {
            refusal = account.Verifier.RefusalOf(new LegDecision(TransferStatus.AbortedByOperator, branch.Legs[0]));
        }

        var reason = refusal?.Reason ?? TransferStatus.None;
        account.Rows.Append(
            new LastAgentRefused(account.Contexts.WithHoldRows(branch), refusal?.Leg ?? -1, reason, refusal?.Seen, at)
            {
                Verdict = reason == TransferStatus.AbortedByOperator ? request.Verdict : null,
            },
            urgent: true);
        account.Rows.SendWhenDurable(
            branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, false, at, refusal));
    }

    /// <summary>Refuses because another transaction has used up the id. What used it up is journaled, and stays so:
    /// that is the refusal.</summary>
    /// <param name="branch">What was asked.</param>
    /// <param name="used">The reason.</param>
    /// <param name="now">The time.</param>
    public void RespondConsumed(TransactionBranch branch, TransferStatus used, LedgerTime now) =>
        account.Rows.SendWhenDurable(
        branch.Coordinator,
        new CommitResponse(
            branch.Key, branch.Digest, false, account.Clock.JudgedAt(now), RefusalOfConsumed(branch, used)));

    /// <summary>Says again what is decided.</summary>
    /// <param name="branch">What was asked.</param>
    /// <param name="record">What is decided.</param>
    public void Respond(TransactionBranch branch, IdempotencyRecord record)
    {
        var committed = record.Status == TransferStatus.Created;
        account.Rows.SendWhenDurable(branch.Coordinator, new CommitResponse(
            branch.Key, branch.Digest, committed, record.Time,
            committed || record.Status == TransferStatus.None
                ? null
                : new Refusal(
                    record.Details.FailedLeg, record.Status, account.State.Spec?.Asset ?? default, record.Details.Seen))
        {
            Row = committed ? record.SequenceNr : 0,
        });
    }

    private Refusal RefusalOfConsumed(TransactionBranch branch, TransferStatus used) =>
        account.Verifier.RefusalOf(new LegDecision(used, branch.Legs[0])) with { Seen = null };

    private void Commit(CommitRequest request, LedgerTime now)
    {
        var branch = request.Branch;
        var at = account.Clock.JudgedAt(now, request.Time);
        var row = account.Rows.Append(
            new LastAgentCommitted(account.Contexts.WithHoldRows(branch), account.Clock.BookedAt(now, at))
            {
                CommitTime = at,
            },
            urgent: true);
        account.Rows.SendWhenDurable(branch.Coordinator, new CommitResponse(branch.Key, branch.Digest, true, at, null)
        {
            Row = row, After = request.ReturnBalances ? AccountAfter.Of(account.State, row) : null,
        });
        account.Runner.ReleaseReaders(now);
    }
}
