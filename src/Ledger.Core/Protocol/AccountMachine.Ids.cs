namespace Ledger.Core;

/// <content>Ids: who is deciding about them, what memory and the journal know of them.</content>
internal sealed partial class AccountMachine
{
    // ---------------------------------------------------------------- ids: claims, memory, journal (R4, R6, R7, R11)

    private void RouteByIds(AccountMessage input, LedgerTime now)
    {
        var ids = OperationIds.Of(input, Address);
        if (operations.HasAny)
        {
            foreach (var id in ids)
            {
                if (operations.TryFind(id, out var owner))
                {
                    if (!TryRespondWhileClaimed(owner, input, now))
                    {
                        owner.Waiters.Add(input);
                        if (input is GetTransferRequest or GetTransactionRequest)
                        {
                            barrier.WaitForId(owner, (AccountRequest)input, now);
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

        operations.Claim(operation, ids);
        Begin(operation, now);
    }

    private void RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now)
    {
        foreach (var input in inputs.ToArray())
        {
            // Many may have given up meanwhile; to ask the journal for each of them would keep those waiting that have
            // not.
            if (input is AccountRequest call && now > call.Deadline)
            {
                rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DeadlineExpired));
                continue;
            }

            Route(input, now);
        }
    }

    // Looks up what memory can't answer; then, or at once, decides.
    private void LookUp(Operation operation, LedgerTime now)
    {
        operations.SetPhase(operation, OperationPhase.LookingUp);
        operation.Known = null;
        operation.Reports = null;
        operation.Missing = 0;
        List<IdLookup>? lookups = null;
        foreach (var id in operation.Ids)
        {
            if (LookupFor(id, operation) is { } lookup)
            {
                (lookups ??= []).Add(lookup);
            }
        }

        if (lookups is null)
        {
            Decide(operation, now);
            return;
        }

        // What was decided and has left memory may be in a row that is not durable yet; so the questions, too, leave
        // when all is durable that was decided before them. While they are out, everything about the ids joins them.
        rows.RecordCommits();
        operation.Known = [];
        operation.Missing = lookups.Count;
        operation.FirstLookup = lookupCount + 1;
        operation.LastLookup = lookupCount + lookups.Count;
        operation.LookedUpTo = rows.NewestRow;
        foreach (var lookup in lookups)
        {
            Ask(lookup);
        }
    }

    // Leaves when all is durable that was decided before, the newest entry of the index too.
    private void Ask(IdLookup lookup) => rows.SendWhenDurable(new OutboundMessage(default, null, default, null, lookup with
    {
        UpTo = rows.NewestRow,
        Number = ++lookupCount,
        Newest = state.NewestIndexed,
        FirstTime = state.OpenTime,
        LastTime = state.LastTime,
    }));

    private IdLookup LookupOf(TransferId id, long sequenceNr, bool withLater)
    {
        var (notBefore, notAfter) = state.Idempotency.BookedBetween(id, withLater);
        return new IdLookup(id, sequenceNr, 0, notBefore, notAfter, withLater);
    }

    /// <summary>Whether anybody still waits for what the journal says to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="now">The time.</param>
    public bool IsAwaited(IdLookup lookup, LedgerTime now)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        foreach (var one in whileClaimed ?? [])
        {
            if (one.Missing.Contains(lookup.Number))
            {
                return true;
            }
        }

        return operations.TryFind(lookup.Id, out var operation) && operation.Phase == OperationPhase.LookingUp
            && lookup.Number >= operation.FirstLookup && lookup.Number <= operation.LastLookup
            && (operation.Input is not AccountRequest || AnyoneWaits(operation, now));
    }

    private IdLookup? LookupFor(TransferId id, Operation operation)
    {
        // What a live hold is, is known without the journal; who made it, and what became of that attempt, is not.
        if (state.FindHold(id) is not null && operation.Input is GetTransferRequest or ExtendHoldRequest)
        {
            return null;
        }

        var input = operation.Input;
        var remembered = state.Idempotency.Find(id);
        var role = RoleOf(id, operation);
        switch (role)
        {
            case IdRole.Hold when state.FindHold(id) is { } hold:
                return IsTextCompared(hold, operation) ? LookupOf(id, hold.SequenceNr, withLater: false) : null;
            case IdRole.Reversed:
                return remembered is not null || state.Idempotency.MayHaveForgotten(id) ? LookupOf(id, 0, withLater: true) : null;
            case IdRole.Hold:
                return remembered is not null ? LookupOf(id, remembered.SequenceNr, withLater: false)
                    : state.Idempotency.MayHaveForgotten(id) ? LookupOf(id, 0, withLater: true) : null;
            default:
                break;
        }

        if (remembered is null)
        {
            // What was done under an id does not tell what became of another attempt at it.
            return state.Idempotency.MayHaveForgotten(id)
                ? LookupOf(id, 0, withLater: input is GetTransferRequest or OutcomeRequest)
                : null;
        }

        if (NeedsContent(id, operation, remembered))
        {
            // This very request may have been rejected before, and that may have left memory.
            var mayHaveBeenAsked = input is PostTransferRequest or PostTransactionRequest && id == operation.Asked!.Id
                && FindAsked(remembered, operation.Asked.Asked) is null && state.Idempotency.MayHaveForgotten(id);
            return LookupOf(id, mayHaveBeenAsked ? 0 : remembered.SequenceNr, withLater: false);
        }

        // An id that is not used up may have been decided before, and that may have left memory.
        return !remembered.IsFinal && state.Idempotency.MayHaveForgotten(id)
            ? LookupOf(id, 0, withLater: input is OutcomeRequest)
            : null;
    }

    // A retry that says what it could leave to the hold is compared with what the hold says.
    private bool IsTextCompared(Hold hold, Operation operation)
    {
        if (hold.TextRow == 0 || operation.Asked is not { } branch)
        {
            return false;
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.HoldId == hold.Transfer.Id
                && ((hold.HasReference && transfer.Reference.Length > 0) || (hold.HasMetadata && !transfer.Metadata.Pairs.IsEmpty))
                && (state.Idempotency.Find(transfer.Id) is not null || state.Idempotency.MayHaveForgotten(transfer.Id)))
            {
                return true;
            }
        }

        return false;
    }

    private enum IdRole
    {
        Own,
        Hold,
        Reversed,
    }

    private IdRole RoleOf(TransferId id, Operation operation)
    {
        if (operation.Input is ExtendHoldRequest)
        {
            return IdRole.Hold;
        }

        if (operation.Asked is not { } branch || id == branch.Id || id == branch.Key)
        {
            return IdRole.Own;
        }

        var role = IdRole.Own;
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                if (transfer.Id == id)
                {
                    return IdRole.Own;
                }

                role = transfer.Reverses == id ? IdRole.Reversed : transfer.HoldId == id ? IdRole.Hold : role;
            }
        }

        return role;
    }

    private bool NeedsContent(TransferId id, Operation operation, IdempotencyRecord remembered)
    {
        if (operation.Input is GetTransferRequest or GetTransactionRequest)
        {
            return true;
        }

        if (operation.Asked is not { } branch || !remembered.IsFinal || operation.Input is OutcomeRequest)
        {
            return false;
        }

        if (id != branch.Id && id != branch.Key)
        {
            return remembered.Status == TransferStatus.Created;
        }

        if (operation.Input is PrepareRequest)
        {
            return false;
        }

        var isAsked = operation.Input is AccountRequest or null;
        var same = isAsked ? FindAsked(remembered, branch.Asked) : FindDigest(remembered, branch.Digest);
        return same is not null
            ? isAsked && same.Details.NeedsContent
            : remembered.Status == TransferStatus.Created
                || branch.Legs.Any(static leg => leg.Transfer is { } transfer && (transfer.ResolvesHold || transfer.IsBalancing));
    }

    // Once an id is used up, what was refused under it before no longer counts.
    private static IdempotencyRecord? FindAsked(IdempotencyRecord? remembered, UInt128 asked)
    {
        if (remembered is { IsFinal: true })
        {
            return remembered.Asked == asked ? remembered : null;
        }

        while (remembered is not null && (remembered.Asked != asked || remembered.Status == TransferStatus.None))
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    private static IdempotencyRecord? FindDigest(IdempotencyRecord? remembered, UInt128 digest)
    {
        while (remembered is not null && remembered.Digest != digest)
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    // What must not wait for the outcome of the work in progress: what another account asks, for it holds something
    // there.
    private bool TryRespondWhileClaimed(Operation owner, AccountMessage input, LedgerTime now)
    {
        if (input is AccountRequest || owner.Phase == OperationPhase.LookingUp)
        {
            return false;
        }

        var isPrepared = owner.Phase is not (OperationPhase.DryRunning or OperationPhase.Waiting);
        switch (input)
        {
            case PrepareRequest prepare when owner.Phase == OperationPhase.Reserved && owner.Branch!.Key == prepare.Branch.Key:
                // Another coordinator's attempt under the same id is abandoned, lest the two wait for each other.
                SendVote(
                    prepare.Branch, owner.Branch.Digest == prepare.Branch.Digest ? VoteKind.Yes : VoteKind.InDoubt, null, now);
                return true;

            case PrepareRequest prepare when isPrepared:
                if (!future.TryKeep(prepare, prepare.Branch.Key, prepare.Time, now))
                {
                    SendVote(prepare.Branch, VoteKind.InDoubt, null, now);
                }

                return true;

            case CommitRequest close when isPrepared:
                // The attempt is given up for ever, and the other coordinator makes it again when this is settled.
                if (FindRecord(close.Branch.Key, close.Branch.Digest) is { } known)
                {
                    RespondToCommit(close.Branch, known);
                }
                else if (state.Idempotency.Find(close.Branch.Key) is { IsFinal: true })
                {
                    rows.SendWhenDurable(close.Branch.Coordinator, new CommitResponse(
                        close.Branch.Key, close.Branch.Digest, false, clock.JudgedAt(now),
                        RefusalOf(new LegDecision(ConsumedId(close.Branch, null), close.Branch.Legs[0])) with { Seen = null }));
                }
                else if (MayBeJournaled(close.Branch.Key))
                {
                    LookUpWhileClaimed(close, now);
                }
                else if (!future.TryKeep(close, close.Branch.Key, close.Time, now))
                {
                    RefuseCommit(close, null, now);
                }

                return true;

            case DryRunRequest dryRun:
                RespondToDryRunWhileClaimed(dryRun, owner);
                return true;

            case OutcomeRequest asked when isPrepared && owner.Branch!.Key == asked.Branch.Key:
                // It is told when there is an outcome.
                return true;

            case OutcomeRequest asked when isPrepared:
                if (FindRecord(asked.Branch.Key, asked.Branch.Digest) is null && MayBeJournaled(asked.Branch.Key))
                {
                    // What is prepared here ends without the help of who asks, and then the journal tells.
                    owner.Waiters.Add(input);
                }
                else
                {
                    DecideOutcome(asked, null, now);
                }

                return true;

            case Outcome outcome:
                // It is told again if this does not know it.
                Acknowledge(outcome, null);
                return true;

            default:
                // Nothing is journaled yet: what another account asks is decided now, and the calls find it.
                operations.Unclaim(owner);
                Route(input, now);
                if (owner.Waiters.Count > 0)
                {
                    RouteAgain(owner.Waiters, now);
                }

                return true;
        }
    }

    // R4: what memory may have forgotten is not refused from memory.
    private bool MayBeJournaled(TransferId key) =>
        state.Idempotency.Find(key) is not { IsFinal: true } && state.Idempotency.MayHaveForgotten(key);

    // Asks the journal about an attempt although something else is being done about one of its other ids. When that has
    // claimed the key itself, as a hold that it resolves or a transfer that it takes back, the question waits for its
    // end: it is prepared, and so began later than what it names was committed; such waits make no circle. When it is
    // its own id, then nothing was committed under it.
    private void LookUpWhileClaimed(CommitRequest close, LedgerTime now)
    {
        var key = close.Branch.Key;
        if (operations.TryFind(key, out var owner))
        {
            if (owner.Phase == OperationPhase.LookingUp || (owner.Branch is { } branch && branch.Legs.Any(
                leg => leg.Transfer is { } transfer && (transfer.HoldId == key || transfer.Reverses == key))))
            {
                owner.Waiters.Add(close);
            }
            else if (owner.Branch is null)
            {
                _ = TryRespondWhileClaimed(owner, close, now);
            }
            else if (!future.TryKeep(close, key, close.Time, now))
            {
                RefuseCommit(close, null, now);
            }

            return;
        }

        var operation = new Operation(close, close.Branch) { IsDetached = true };
        operations.Claim(operation, [close.Branch.Key]);
        Begin(operation, now);
    }

    // What memory knew when the journal was asked about the other ids may have left it since.
    private bool HasForgotten(Operation operation)
    {
        foreach (var id in operation.Ids)
        {
            if (operation.Known?.TryGetValue(id, out var found) == true ? HasForgottenEndOf(id, found, operation) : LookupFor(id, operation) is not null)
            {
                return true;
            }
        }

        return false;
    }

    // The journal was asked for a hold's content alone, since memory had its end.
    private bool HasForgottenEndOf(TransferId id, IdHistory? found, Operation operation) =>
        found is { Hold: HoldState.Live, Last.Status: TransferStatus.Created }
        && state.FindHold(id) is null && state.Idempotency.Find(id) is null
        && (operation.Input is GetTransferRequest || RoleOf(id, operation) == IdRole.Hold);

    private void Decide(Operation operation, LedgerTime now)
    {
        if (HasForgotten(operation))
        {
            Begin(operation, now);
            return;
        }

        switch (operation.Input)
        {
            case PostTransferRequest or PostTransactionRequest or null:
                DecideAsked(operation, now);
                return;
            case PrepareRequest prepare:
                DecidePrepare(operation, prepare, now);
                break;
            case CommitRequest close:
                operations.Unclaim(operation);
                if (!operation.IsDetached)
                {
                    DecideCommit(close, operation.Known, now);
                }
                else if (FindRecord(close.Branch.Key, close.Branch.Digest, operation.Known) is { } record)
                {
                    RespondToCommit(close.Branch, record);
                }
                else if (!future.TryKeep(close, close.Branch.Key, close.Time, now))
                {
                    RefuseCommit(close, null, now);
                }

                break;
            case DryRunRequest dryRun:
                operations.Unclaim(operation);
                RespondToDryRun(dryRun, operation.Known);
                break;
            case OutcomeRequest asked:
                operations.Unclaim(operation);
                DecideOutcome(asked, operation.Known, now);
                break;
            case Outcome outcome:
                operations.Unclaim(operation);
                Acknowledge(outcome, operation.Known);
                break;
            case GetTransferRequest get:
                operations.Unclaim(operation);
                rows.SendWhenDurable(get.ReplyTo, new GetTransferResponse(RecordOf(get.Id, operation.Known)));
                operation.Waiters.Remove(get);
                break;
            case GetTransactionRequest get:
                operations.Unclaim(operation);
                rows.SendWhenDurable(get.ReplyTo, new GetTransactionResponse(TransactionOf(get.Id, operation.Known)));
                operation.Waiters.Remove(get);
                break;
            case ExtendHoldRequest extend:
                operations.Unclaim(operation);
                Extend(extend, operation.Known, now);
                operation.Waiters.Remove(extend);
                break;
            default:
                throw new LedgerInvariantException($"{Address}: nothing to decide for {operation.Input.GetType().Name}");
        }

        if (!operation.IsClaimed && operation.Waiters.Count > 0)
        {
            RouteAgain(operation.Waiters, now);
        }
    }
}
