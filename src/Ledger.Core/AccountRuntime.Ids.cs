namespace Ledger.Core;

/// <content>Ids: who is deciding about them, what memory and the journal know of them.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- ids: claims, memory, journal (R4, R6, R7, R11)

    private void RouteByIds(AccountMessage input, LedgerTime now)
    {
        var ids = IdsOf(input);
        if (claims is { Count: > 0 })
        {
            foreach (var id in ids)
            {
                if (claims.TryGetValue(id, out var owner))
                {
                    if (!TryAnswerBesides(owner, input, now))
                    {
                        owner.Waiters.Add(input);
                        if (input is GetTransferCall or GetTransactionCall)
                        {
                            WaitForId(owner, (AccountCall)input, now);
                        }
                    }

                    return;
                }
            }
        }

        var work = new Work(input);
        if (input is AccountCall)
        {
            work.Waiters.Add(input);
            work.HasFirst = true;
        }

        Claim(work, ids);
        Begin(work, now);
    }

    private void RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now)
    {
        foreach (var input in inputs.ToArray())
        {
            // Many may have given up meanwhile; to ask the journal for each of them would keep those waiting that have not.
            if (input is AccountCall call && now > call.Deadline)
            {
                Hold(call.Caller, new CallFailed(CallFailure.DeadlineExpired));
                continue;
            }

            Route(input, now);
        }
    }

    // Looks up what memory can't answer; then, or at once, decides.
    private void LookUp(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.LookingUp);
        work.Known = null;
        work.Quotes = null;
        work.Missing = 0;
        List<IdLookup>? lookups = null;
        foreach (var id in work.Ids)
        {
            if (LookupFor(id, work) is { } lookup)
            {
                (lookups ??= []).Add(lookup);
            }
        }

        if (lookups is null)
        {
            Decide(work, now);
            return;
        }

        // What was decided and has left memory may be in a row that is not durable yet; so the questions, too, leave
        // when all is durable that was decided before them. While they are out, everything about the ids joins them.
        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        work.Known = [];
        work.Missing = lookups.Count;
        work.FirstLookup = lookupCount + 1;
        work.LastLookup = lookupCount + lookups.Count;
        work.LookedUpTo = assignedSequenceNr;
        foreach (var lookup in lookups)
        {
            Ask(lookup);
        }
    }

    // Leaves when all is durable that was decided before, the newest entry of the index too.
    private void Ask(IdLookup lookup) => Hold(new Outgoing(default, null, default, null, lookup with
    {
        UpTo = assignedSequenceNr,
        Number = ++lookupCount,
        Newest = state.NewestIndexed,
        FirstTime = state.OpenTime,
        LastTime = state.LastTime,
    }));

    private IdLookup LookupOf(TransferId id, long sequenceNr, bool withLater)
    {
        var (notBefore, notAfter) = state.Remembered.BookedBetween(id, withLater);
        return new IdLookup(id, sequenceNr, 0, notBefore, notAfter, withLater);
    }

    /// <summary>Whether anybody still waits for what the journal says to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="now">The time.</param>
    public bool IsAwaited(IdLookup lookup, LedgerTime now)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        foreach (var one in besides ?? [])
        {
            if (one.Missing.Contains(lookup.Number))
            {
                return true;
            }
        }

        return claims is not null && claims.TryGetValue(lookup.Id, out var work) && work.Phase == Phase.LookingUp
            && lookup.Number >= work.FirstLookup && lookup.Number <= work.LastLookup
            && (work.Input is not AccountCall || AnyoneWaits(work, now));
    }

    private IdLookup? LookupFor(TransferId id, Work work)
    {
        // What a live hold is, is known without the journal; who made it, and what became of that attempt, is not.
        if (state.FindHold(id) is not null && work.Input is GetTransferCall or ExtendHoldCall)
        {
            return null;
        }

        var input = work.Input;
        var remembered = state.Remembered.Find(id);
        var role = RoleOf(id, work);
        switch (role)
        {
            case IdRole.Hold when state.FindHold(id) is { } hold:
                return IsTextCompared(hold, work) ? LookupOf(id, hold.SequenceNr, withLater: false) : null;
            case IdRole.Reversed:
                return remembered is not null || state.Remembered.MayHaveForgotten(id) ? LookupOf(id, 0, withLater: true) : null;
            case IdRole.Hold:
                return remembered is not null ? LookupOf(id, remembered.SequenceNr, withLater: false)
                    : state.Remembered.MayHaveForgotten(id) ? LookupOf(id, 0, withLater: true) : null;
            default:
                break;
        }

        if (remembered is null)
        {
            // What was done under an id does not tell what became of another attempt at it.
            return state.Remembered.MayHaveForgotten(id)
                ? LookupOf(id, 0, withLater: input is GetTransferCall or OutcomeRequest)
                : null;
        }

        if (NeedsContent(id, work, remembered))
        {
            // This very request may have been rejected before, and that may have left memory.
            var mayHaveBeenAsked = input is PostTransferCall or PostTransactionCall && id == work.Asked!.Id
                && FindAsked(remembered, work.Asked.Asked) is null && state.Remembered.MayHaveForgotten(id);
            return LookupOf(id, mayHaveBeenAsked ? 0 : remembered.SequenceNr, withLater: false);
        }

        // An id that is not used up may have been decided before, and that may have left memory.
        return !remembered.IsFinal && state.Remembered.MayHaveForgotten(id)
            ? LookupOf(id, 0, withLater: input is OutcomeRequest)
            : null;
    }

    // A retry that says what it could leave to the hold is compared with what the hold says.
    private bool IsTextCompared(Hold hold, Work work)
    {
        if (hold.TextRow == 0 || work.Asked is not { } part)
        {
            return false;
        }

        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.PendingId == hold.Transfer.Id
                && ((hold.HasReference && transfer.Reference.Length > 0) || (hold.HasMetadata && !transfer.Metadata.Pairs.IsEmpty))
                && (state.Remembered.Find(transfer.Id) is not null || state.Remembered.MayHaveForgotten(transfer.Id)))
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

    private IdRole RoleOf(TransferId id, Work work)
    {
        if (work.Input is ExtendHoldCall)
        {
            return IdRole.Hold;
        }

        if (work.Asked is not { } part || id == part.Id || id == part.Key)
        {
            return IdRole.Own;
        }

        var role = IdRole.Own;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                if (transfer.Id == id)
                {
                    return IdRole.Own;
                }

                role = transfer.Reverses == id ? IdRole.Reversed : transfer.PendingId == id ? IdRole.Hold : role;
            }
        }

        return role;
    }

    private bool NeedsContent(TransferId id, Work work, RememberedId remembered)
    {
        if (work.Input is GetTransferCall or GetTransactionCall)
        {
            return true;
        }

        if (work.Asked is not { } part || !remembered.IsFinal || work.Input is OutcomeRequest)
        {
            return false;
        }

        if (id != part.Id && id != part.Key)
        {
            return remembered.Status == TransferStatus.Created;
        }

        if (work.Input is PrepareRequest)
        {
            return false;
        }

        var isAsked = work.Input is AccountCall or null;
        var same = isAsked ? FindAsked(remembered, part.Asked) : FindDigest(remembered, part.Digest);
        return same is not null
            ? isAsked && same.Details.NeedsContent
            : remembered.Status == TransferStatus.Created
                || part.Legs.Any(static leg => leg.Transfer is { } transfer && (transfer.ResolvesHold || transfer.IsBalancing));
    }

    // Once an id is used up, what was refused under it before no longer counts.
    private static RememberedId? FindAsked(RememberedId? remembered, UInt128 asked)
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

    private static RememberedId? FindDigest(RememberedId? remembered, UInt128 digest)
    {
        while (remembered is not null && remembered.Digest != digest)
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    // What must not wait for the outcome of the work in progress: what another account asks, for it holds something there.
    private bool TryAnswerBesides(Work owner, AccountMessage input, LedgerTime now)
    {
        if (input is AccountCall || owner.Phase == Phase.LookingUp)
        {
            return false;
        }

        var isPrepared = owner.Phase is not (Phase.OnTrial or Phase.Waiting);
        switch (input)
        {
            case PrepareRequest prepare when owner.Phase == Phase.Reserved && owner.Part!.Key == prepare.Part.Key:
                // Another anchor's attempt under the same id is abandoned, lest the two wait for each other.
                SendVote(
                    prepare.Part, owner.Part.Digest == prepare.Part.Digest ? VoteKind.Yes : VoteKind.InDoubt, null, now);
                return true;

            case PrepareRequest prepare when isPrepared:
                if (!Keep(prepare, prepare.Part.Key, prepare.Time, now))
                {
                    SendVote(prepare.Part, VoteKind.InDoubt, null, now);
                }

                return true;

            case CloseRequest close when isPrepared:
                // The attempt is given up for ever, and the other anchor makes it again when this is settled.
                if (FindRecord(close.Part.Key, close.Part.Digest) is { } known)
                {
                    AnswerClose(close.Part, known);
                }
                else if (state.Remembered.Find(close.Part.Key) is { IsFinal: true })
                {
                    Hold(close.Part.Anchor, new CloseAnswer(
                        close.Part.Key, close.Part.Digest, false, JudgedAt(now),
                        RefusalOf(new LegDecision(UsedUp(close.Part, null), close.Part.Legs[0])) with { Seen = null }));
                }
                else if (MayBeJournaled(close.Part.Key))
                {
                    LookBesides(close, now);
                }
                else if (!Keep(close, close.Part.Key, close.Time, now))
                {
                    RefuseClose(close, null, now);
                }

                return true;

            case TrialRequest trial:
                AnswerTrialBesides(trial, owner);
                return true;

            case OutcomeRequest asked when isPrepared && owner.Part!.Key == asked.Part.Key:
                // It is told when there is an outcome.
                return true;

            case OutcomeRequest asked when isPrepared:
                if (FindRecord(asked.Part.Key, asked.Part.Digest) is null && MayBeJournaled(asked.Part.Key))
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
                Unclaim(owner);
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
        state.Remembered.Find(key) is not { IsFinal: true } && state.Remembered.MayHaveForgotten(key);

    // Asks the journal about an attempt although something else is being done about one of its other ids. When that has claimed
    // the key itself, as a hold that it resolves or a transfer that it takes back, the question waits for its end: it is
    // prepared, and so began later than what it names was committed; such waits make no circle. When it is its own id, then
    // nothing was committed under it.
    private void LookBesides(CloseRequest close, LedgerTime now)
    {
        var key = close.Part.Key;
        if (claims!.TryGetValue(key, out var owner))
        {
            if (owner.Phase == Phase.LookingUp || (owner.Part is { } part && part.Legs.Any(
                leg => leg.Transfer is { } transfer && (transfer.PendingId == key || transfer.Reverses == key))))
            {
                owner.Waiters.Add(close);
            }
            else if (owner.Part is null)
            {
                _ = TryAnswerBesides(owner, close, now);
            }
            else if (!Keep(close, key, close.Time, now))
            {
                RefuseClose(close, null, now);
            }

            return;
        }

        var work = new Work(close) { IsAside = true };
        Claim(work, [close.Part.Key]);
        Begin(work, now);
    }

    // What memory knew when the journal was asked about the other ids may have left it since.
    private bool HasForgotten(Work work)
    {
        foreach (var id in work.Ids)
        {
            if (work.Known?.TryGetValue(id, out var found) == true ? HasForgottenEndOf(id, found, work) : LookupFor(id, work) is not null)
            {
                return true;
            }
        }

        return false;
    }

    // The journal was asked for a hold's content alone, since memory had its end.
    private bool HasForgottenEndOf(TransferId id, IdFound? found, Work work) =>
        found is { Hold: HoldState.Live, Last.Status: TransferStatus.Created }
        && state.FindHold(id) is null && state.Remembered.Find(id) is null
        && (work.Input is GetTransferCall || RoleOf(id, work) == IdRole.Hold);

    private void Decide(Work work, LedgerTime now)
    {
        if (HasForgotten(work))
        {
            Begin(work, now);
            return;
        }

        switch (work.Input)
        {
            case PostTransferCall or PostTransactionCall or null:
                DecideAsked(work, now);
                return;
            case PrepareRequest prepare:
                DecidePrepare(work, prepare, now);
                break;
            case CloseRequest close:
                Unclaim(work);
                if (!work.IsAside)
                {
                    DecideClose(close, work.Known, now);
                }
                else if (FindRecord(close.Part.Key, close.Part.Digest, work.Known) is { } record)
                {
                    AnswerClose(close.Part, record);
                }
                else if (!Keep(close, close.Part.Key, close.Time, now))
                {
                    RefuseClose(close, null, now);
                }

                break;
            case TrialRequest trial:
                Unclaim(work);
                AnswerTrial(trial, work.Known);
                break;
            case OutcomeRequest asked:
                Unclaim(work);
                DecideOutcome(asked, work.Known, now);
                break;
            case Outcome outcome:
                Unclaim(work);
                Acknowledge(outcome, work.Known);
                break;
            case GetTransferCall get:
                Unclaim(work);
                Hold(get.Caller, new TransferRecordAnswer(RecordOf(get.Id, work.Known)));
                work.Waiters.Remove(get);
                break;
            case GetTransactionCall get:
                Unclaim(work);
                Hold(get.Caller, new TransactionRecordAnswer(TransactionOf(get.Id, work.Known)));
                work.Waiters.Remove(get);
                break;
            case ExtendHoldCall extend:
                Unclaim(work);
                Extend(extend, work.Known, now);
                work.Waiters.Remove(extend);
                break;
            default:
                throw new LedgerInvariantException($"{Address}: nothing to decide for {work.Input.GetType().Name}");
        }

        if (!IsClaimed(work) && work.Waiters.Count > 0)
        {
            RouteAgain(work.Waiters, now);
        }
    }
}
