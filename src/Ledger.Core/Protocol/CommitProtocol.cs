namespace Ledger.Core;

/// <summary>What a coordinator does about a transaction that is prepared: it asks the participants to vote and the last
/// agent to decide, and ends it as the last agent has decided, here and at the participants.</summary>
internal readonly struct CommitProtocol(AccountParts account)
{
    private AccountAddress Address => account.State.Address;

    /// <summary>Asks the participants to prepare; where there are none, the last agent to commit. From here only the
    /// last agent's journal decides (R1), and after a recovery too (R3).</summary>
    /// <param name="operation">What is prepared here.</param>
    /// <param name="branch">The transaction.</param>
    /// <param name="others">The other accounts.</param>
    /// <param name="now">The time.</param>
    public void Start(
        Operation operation, TransactionBranch branch, IReadOnlyList<AccountAddress> others, LedgerTime now)
    {
        operation.Resends = 0;
        if (others.Count == 1)
        {
            var committing = new Committing(branch, others, now);
            account.Operations.AddAttempt(operation, committing);
            SendCommit(operation, committing, now);
            return;
        }

        var voting = new Voting(branch, others, now);
        account.Operations.AddAttempt(operation, voting);
        RequestVotes(operation, voting, now);
    }

    /// <summary>Asks those participants to prepare that have not voted.</summary>
    /// <param name="operation">What is prepared here.</param>
    /// <param name="voting">The votes.</param>
    /// <param name="now">The time.</param>
    public void RequestVotes(Operation operation, Voting voting, LedgerTime now)
    {
        foreach (var other in voting.Participants)
        {
            if (!voting.Votes.ContainsKey(other))
            {
                account.Rows.SendWhenDurable(
                    other, new PrepareRequest(voting.Branch.SliceFor(other)) { Time = account.Clock.JudgedAt(now) });
            }
        }

        account.Runner.ScheduleResend(operation, now);
    }

    /// <summary>Asks the last agent to decide. What a participant has spent came before its vote, which this account
    /// books nowhere: so the last agent is told of all their times (I11).</summary>
    /// <param name="operation">What is prepared here.</param>
    /// <param name="committing">What the last agent is asked.</param>
    /// <param name="now">The time.</param>
    public void SendCommit(Operation operation, Committing committing, LedgerTime now)
    {
        var time = account.Clock.JudgedAt(now);
        if (committing.Votes is { } votes)
        {
            foreach (var vote in votes.Values)
            {
                time = vote.Time > time ? vote.Time : time;
            }
        }

        var request = new CommitRequest(committing.Branch.SliceFor(committing.LastAgent), committing.Cancel)
        {
            Time = time, ReturnBalances = operation.WantsAfter, Verdict = committing.Verdict,
        };
        account.Rows.SendWhenDurable(committing.LastAgent, request);
        account.Runner.ScheduleResend(operation, now);
    }

    /// <summary>A participant votes.</summary>
    /// <param name="vote">The vote.</param>
    /// <param name="now">The time.</param>
    public void OnVote(Vote vote, LedgerTime now)
    {
        if (!account.Operations.TryFindAttempt<Voting>(vote.Key, vote.Digest, out var operation, out var voting)
            || !voting.HasParticipant(vote.Account))
        {
            return;
        }

        if (FutureRequests.IsAhead(vote.Time, now) && account.Future.TryDrop(vote.Time, now))
        {
            // Its time would stay in the commit request, and the last agent would not take that for as long as it lies
            // ahead: perhaps for ever. The participant is asked again, and by then its clock may be right.
            return;
        }

        voting.Votes[vote.Account] = vote;
        if (voting.Votes.Count == voting.ParticipantCount)
        {
            operation.Resends = 0;
            var committing = new Committing(
                voting, cancel: voting.Votes.Values.Any(static one => one.Kind != VoteKind.Yes));
            account.Operations.SetPhase(operation, committing);
            SendCommit(operation, committing, now);
        }
    }

    /// <summary>The last agent has decided.</summary>
    /// <param name="answer">What its journal holds.</param>
    /// <param name="now">The time.</param>
    public void OnCommitResponse(CommitResponse answer, LedgerTime now)
    {
        if (!account.Operations.TryFindAttempt<PreparedPhase>(
            answer.Key, answer.Digest, out var operation, out var phase)
            || phase is not (Voting or Committing))
        {
            // An answer to a duplicate: it is decided already.
            return;
        }

        if (phase is Voting && !answer.Committed)
        {
            // A former incarnation had asked, but the votes that name the reason are to come (R15); then it says so
            // again.
            return;
        }

        operation.After = null;
        operation.AddAfter(answer.After);
        operation.Resends = 0;
        if (answer.Committed)
        {
            var notifying = new Notifying(phase, answer.Time, answer.Row);
            if (notifying.ParticipantCount == 0)
            {
                FinishCommit(operation, notifying, now);
                return;
            }

            account.Operations.SetPhase(operation, notifying);
            Notify(operation, notifying, now);
        }
        else
        {
            Abort(operation, phase, answer, now);
        }
    }

    private void Abort(Operation operation, PreparedPhase phase, CommitResponse answer, LedgerTime now)
    {
        var refusal = SelectRejection((phase as Committing)?.Votes, phase.Branch, answer);
        var isRefusedExpiry = refusal is not null && operation.IsExpiry;
        if (isRefusedExpiry)
        {
            // The end of a hold is never refused but by a defect (R12). It is not over, and tried again after long.
            refusal = null;
        }

        var at = account.Clock.BookedAt(now);
        var row = account.Rows.Append(
            new TransactionAborted(
                answer.Key, refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, at),
            urgent: true);
        var releasing = new Releasing(phase, refusal, at, row)
        {
            IsRefused = isRefusedExpiry, AnswerBy = now.Add(account.Options.ReleaseWait),
        };
        if (releasing.ParticipantCount == 0)
        {
            FinishAbort(operation, releasing, now);
            return;
        }

        account.Operations.SetPhase(operation, releasing);
        account.Host.WakeAt(releasing.AnswerBy);
        Notify(operation, releasing, now);
    }

    // What throws is a refusal (R18).
    private Refusal? SelectRejection(
        SortedDictionary<AccountAddress, Vote>? votes, TransactionBranch branch, CommitResponse answer)
    {
        var before = account.Rows.Changes;
        try
        {
            return RejectionChoice.Of(votes?.Values, answer.Refusal, branch);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            account.Host.DecisionFailed(answer, e);
            return account.Verifier.FailureOf(branch);
        }
    }

    // ---------------------------------------------------------------- the outcome

    /// <summary>Tells the participants that have not booked it that it is committed.</summary>
    /// <param name="operation">What is prepared here.</param>
    /// <param name="notifying">Who has booked it.</param>
    /// <param name="now">The time.</param>
    public void Notify(Operation operation, Notifying notifying, LedgerTime now) =>
        Notify(operation, notifying, notifying.CommitTime, committed: true, now);

    /// <summary>Tells the participants that have not released it that it is aborted.</summary>
    /// <param name="operation">What is prepared here.</param>
    /// <param name="releasing">Who has released it.</param>
    /// <param name="now">The time.</param>
    public void Notify(Operation operation, Releasing releasing, LedgerTime now) =>
        Notify(operation, releasing, default, committed: false, now);

    private void Notify(Operation operation, PreparedPhase phase, LedgerTime time, bool committed, LedgerTime now)
    {
        var outcome = new Outcome(phase.Branch.Key, phase.Branch.Digest, committed, time)
        {
            Coordinator = Address, ReturnBalances = operation.WantsAfter,
        };
        foreach (var participant in phase.WaitsFor)
        {
            account.Rows.SendWhenDurable(participant, outcome);
        }

        account.Runner.ScheduleResend(operation, now);
    }

    /// <summary>A participant has booked the outcome.</summary>
    /// <param name="ack">Who, and what.</param>
    /// <param name="now">The time.</param>
    public void OnAcknowledged(OutcomeAck ack, LedgerTime now)
    {
        if (!account.Operations.TryFindAttempt<PreparedPhase>(ack.Key, ack.Digest, out var operation, out var phase)
            || !phase.HasParticipant(ack.Account))
        {
            return;
        }

        switch (phase)
        {
            case Notifying notifying when notifying.Acks.Add(ack.Account):
                operation.AddAfter(ack.After);
                if (notifying.Acks.Count == notifying.ParticipantCount)
                {
                    FinishCommit(operation, notifying, now);
                }

                break;
            case Releasing releasing when releasing.Acks.Add(ack.Account):
                if (releasing.Acks.Count == releasing.ParticipantCount)
                {
                    FinishAbort(operation, releasing, now);
                }

                break;
            default:
                break;
        }
    }

    private void FinishCommit(Operation operation, Notifying notifying, LedgerTime now)
    {
        var branch = notifying.Branch;
        var commit = CommitOf(branch, notifying.CommitTime, now);
        account.Rows.AppendLazily(commit, notifying.Size, now);
        if (account.HasExpiry)
        {
            account.Expiry.Forget(branch.Id);
        }

        if (operation.First is { } call)
        {
            // The commit is durable at the last agent, and everybody's preparation and the participants' outcomes are
            // durable too: whatever is lost here, recovery asks the last agent and answers the same. So the answer need
            // not wait for any row of this account, and must not: the client is told at once.
            var position = RowPosition.Of(notifying.LastAgent, notifying.DecidedRow);
            var result = Results.Committed(branch, notifying.CommitTime, replayed: false, position);
            if (operation.WantsAfter && account.State.Spec is not null)
            {
                // Its own counters rest on all that it has decided, and so they wait for that to be durable (R8).
                operation.AddAfter(AccountAfter.Of(account.State, commit.PreparedSequenceNr));
                account.Rows.SendWhenDurable(
                    call.ReplyTo, Results.Respond(call, result with { After = operation.After ?? [] }, branch));
            }
            else
            {
                account.Rows.SendNow(call.ReplyTo, Results.Respond(call, result));
            }
        }

        account.Runner.Finish(operation, skipFirst: operation.HasFirst, now);
    }

    /// <summary>Answers the caller of what is aborted, if it is over; else the request is decided again.</summary>
    /// <param name="operation">What was prepared here.</param>
    /// <param name="releasing">How it was aborted.</param>
    /// <param name="now">The time.</param>
    public void FinishAbort(Operation operation, Releasing releasing, LedgerTime now)
    {
        var branch = releasing.Branch;
        if (releasing.Refusal is { } refusal)
        {
            account.Pending.Answer(
                operation,
                TransactionRejection.Of(
                    branch, refusal.Leg, refusal.Reason, releasing.AbortTime, refusal.Seen, replayed: false,
                    new RowPosition(Address, releasing.DecidedRow)),
                now);
            return;
        }

        // Something was in doubt: the attempt is over, the request is not.
        account.Operations.Unclaim(operation);
        account.Runner.ReleaseReaders(now);
        if (operation.IsExpiry)
        {
            // It starts again by itself, for as long as the hold is due.
            account.Expiry.Pause(
                branch.Id, now,
                releasing.IsRefused ? account.Options.FailedExpiryPauseMax : account.Options.RetryAfterMax);
            account.Runner.RouteAgain(operation.Waiters, now);
            return;
        }

        if (!operation.HasFirst || operation.Asked is not { } asked)
        {
            account.Runner.RouteAgain(operation.Waiters, now);
            return;
        }

        var again = new Operation(operation.Input, asked)
        {
            HasFirst = true, Retries = operation.Retries, GiveUpAt = operation.GiveUpAt,
        };
        again.Waiters.AddRange(operation.Waiters.Where(static waiter => waiter is AccountRequest));
        account.Operations.Claim(again, OperationIds.Of(asked, Address));
        account.Pending.Wait(again, isForMoney: false, now);

        // What other accounts ask does not wait with it.
        account.Runner.RouteAgain(
            operation.Waiters.Where(static waiter => waiter is not AccountRequest).ToArray(), now);
    }

    /// <summary>The record of a commit, as this account books it.</summary>
    /// <param name="branch">What is prepared here.</param>
    /// <param name="commitTime">When the last agent committed.</param>
    /// <param name="now">The time.</param>
    public TransactionCommitted CommitOf(TransactionBranch branch, LedgerTime commitTime, LedgerTime now)
    {
        List<TransferId>? ended = null;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { ResolvesHold: true } transfer && transfer.CreditAccount == Address
                && leg.HoldAfter != HoldState.Live)
            {
                (ended ??= []).Add(transfer.HoldId);
            }
        }

        var committed = new TransactionCommitted(
            branch.Key, account.State.FindInDoubt(branch.Key)!.SequenceNr, commitTime,
            account.Clock.BookedAt(now, commitTime));
        return ended is null ? committed : committed with { EndedHolds = ended };
    }
}
