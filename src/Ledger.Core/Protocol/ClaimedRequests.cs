namespace Ledger.Core;

/// <summary>What another account asks about an id that is in hand here. It must not wait for the outcome of that: it
/// holds something itself. So nothing deadlocks.</summary>
internal readonly struct ClaimedRequests(AccountParts account)
{
    /// <summary>Answers at once, where that can be.</summary>
    /// <param name="owner">What has the id in hand.</param>
    /// <param name="input">What is asked.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it is seen to; else it waits for the owner's end.</returns>
    public bool TryRespond(Operation owner, AccountMessage input, LedgerTime now)
    {
        if (input is AccountRequest || owner.Phase is LookingUp)
        {
            return false;
        }

        switch (input, owner.Phase)
        {
            case (PrepareRequest prepare, Reserved reserved) when reserved.Branch.Key == prepare.Branch.Key:
                // Another coordinator's attempt under the same id is abandoned, lest the two wait for each other.
                account.Participant.SendVote(
                    prepare.Branch,
                    reserved.Branch.Digest == prepare.Branch.Digest ? VoteKind.Yes : VoteKind.InDoubt, null, now);
                return true;

            case (PrepareRequest prepare, PreparedPhase):
                if (!account.TryKeep(prepare, prepare.Branch.Key, prepare.Time, now))
                {
                    account.Participant.SendVote(prepare.Branch, VoteKind.InDoubt, null, now);
                }

                return true;

            case (CommitRequest commit, PreparedPhase):
                RespondToCommit(commit, now);
                return true;

            case (DryRunRequest question, _):
                account.DryRun.RespondWhileClaimed(question, owner, now);
                return true;

            case (OutcomeRequest asked, PreparedPhase phase) when phase.Branch.Key == asked.Branch.Key:
                // It is told when there is an outcome.
                return true;

            case (OutcomeRequest asked, PreparedPhase):
                if (account.Resolver.FindRecord(asked.Branch.Key, asked.Branch.Digest, default) is null
                    && account.Resolver.MayBeJournaled(asked.Branch.Key))
                {
                    // What is prepared here ends without the help of who asks, and then the journal tells.
                    owner.Waiters.Add(input);
                }
                else
                {
                    account.Coordinator.DecideOutcome(asked, default, now);
                }

                return true;

            case (Outcome outcome, _):
                // It is told again if this does not know it.
                account.Participant.AcknowledgeIfBooked(outcome, default);
                return true;

            default:
                // Nothing is journaled yet: what another account asks is decided now, and the calls find it.
                account.Operations.Unclaim(owner);
                account.Runner.Route(input, now);
                if (owner.Waiters.Count > 0)
                {
                    account.Runner.RouteAgain(owner.Waiters, now);
                }

                return true;
        }
    }

    // The attempt is given up for ever, and the other coordinator makes it again when what is in hand is settled.
    private void RespondToCommit(CommitRequest commit, LedgerTime now)
    {
        var branch = commit.Branch;
        if (account.Resolver.FindRecord(branch.Key, branch.Digest, default) is { } known)
        {
            account.LastAgent.Respond(branch, known);
        }
        else if (account.State.Idempotency.Find(branch.Key) is { IsFinal: true })
        {
            account.LastAgent.RespondConsumed(branch, account.Resolver.ConsumedId(branch, default), now);
        }
        else if (account.Resolver.MayBeJournaled(branch.Key))
        {
            LookUp(commit, now);
        }
        else
        {
            Refuse(commit, now);
        }
    }

    // Asks the journal about an attempt although something else is being done about one of its other ids. When that has
    // claimed the key itself, as a hold that it resolves or a transfer that it takes back, the question waits for its
    // end: it is prepared, and so began later than what it names was committed; such waits make no circle. When it is
    // its own id, then nothing was committed under it.
    private void LookUp(CommitRequest commit, LedgerTime now)
    {
        var key = commit.Branch.Key;
        if (!account.Operations.TryFind(key, out var owner))
        {
            var operation = new Operation(commit, commit.Branch) { IsDetached = true };
            account.Operations.Claim(operation, [key]);
            account.Runner.Begin(operation, now);
            return;
        }

        switch (owner.Phase)
        {
            case LookingUp:
            case PreparedPhase { Branch: var branch } when branch.Legs.Any(
                leg => leg.Transfer is { } transfer && (transfer.HoldId == key || transfer.Reverses == key)):
                owner.Waiters.Add(commit);
                break;
            case PreparedPhase:
                Refuse(commit, now);
                break;
            default:
                _ = TryRespond(owner, commit, now);
                break;
        }
    }

    /// <summary>Decides a request to commit whose key alone was free to be looked up.</summary>
    /// <param name="commit">The request.</param>
    /// <param name="facts">What the journal said.</param>
    /// <param name="now">The time.</param>
    public void DecideDetached(CommitRequest commit, IdFacts facts, LedgerTime now)
    {
        if (account.Resolver.FindRecord(commit.Branch.Key, commit.Branch.Digest, facts) is { } record)
        {
            account.LastAgent.Respond(commit.Branch, record);
        }
        else
        {
            Refuse(commit, now);
        }
    }

    private void Refuse(CommitRequest commit, LedgerTime now)
    {
        if (!account.TryKeep(commit, commit.Branch.Key, commit.Time, now))
        {
            account.LastAgent.Refuse(commit, null, now);
        }
    }
}
