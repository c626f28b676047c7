using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>The other accounts of a transaction: participants, the closer, and all of them when they are only asked.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- participant

    private void DecidePrepare(Work work, PrepareRequest prepare, LedgerTime now)
    {
        var part = prepare.Part;
        if (FindRecord(part.Key, part.Digest, work.Known) is { } status)
        {
            // Decided already: this is a late duplicate, or an anchor that has recovered.
            Unclaim(work);
            SendVote(part, status.Status == TransferStatus.Created ? VoteKind.Yes : VoteKind.InDoubt, null, now);
            return;
        }

        if (Keep(prepare, part.Key, prepare.Time, now))
        {
            Unclaim(work);
            return;
        }

        var used = UsedUp(part, work.Known);
        var decision = used != TransferStatus.None ? new LegDecision(used, part.Legs[0])
            : state.Remembered.Find(part.Key) is not null || FoundIn(work.Known, part.Key) is not null
                ? LegDecision.Doubt(part.Legs[0])
            : VerifyOrRefuse(part, work.Known, work, prepare, JudgedAt(now, prepare.Time));
        if (decision.InDoubt || (decision.Status == TransferStatus.None && RefusedForDoubt(part, now) is not null))
        {
            Unclaim(work);
            SendVote(part, VoteKind.InDoubt, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            Unclaim(work);
            SendVote(part, VoteKind.No, RefusalOf(decision), now);
        }
        else
        {
            part = WithHoldRows(part);
            work.Part = part;
            work.Since = now;
            Emit(new TransactionPrepared(part, BookedAt(now, prepare.Time)), urgent: true);
            (attempts ??= [])[part.Key] = work;
            (prepared ??= []).Enqueue((state.PreparedCount, part.Key));
            SetPhase(work, Phase.Reserved);
            work.Known = null;
            SendVote(part, VoteKind.Yes, null, now);
            ScheduleResend(work, now);
            LetOthersIn(work, now);
        }
    }

    private void SendVote(TransactionPart part, VoteKind kind, Refusal? refusal, LedgerTime now) =>
        Hold(part.Anchor, new Vote(part.Key, part.Digest, Address, kind, refusal) { Time = JudgedAt(now) });

    private Refusal RefusalOf(LegDecision decision) => new(
        decision.Leg.Index, decision.Status, state.Spec?.Asset ?? default, state.Spec is null ? null : state.Balances);

    private void Told(Outcome outcome, LedgerTime now)
    {
        if (FindAttempt(outcome.Key, outcome.Digest) is { Phase: Phase.Reserved } work)
        {
            var part = work.Part!;
            var row = Emit(
                outcome.Committed
                    ? CommitOf(part, outcome.Time, now)
                    : new TransactionAborted(part.Key, -1, TransferStatus.None, null, BookedAt(now)),
                urgent: true);
            Hold(part.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address)
            {
                After = outcome is { Committed: true, ReturnBalances: true } ? AccountAfter.Of(state, row) : null,
            });
            Finish(work, skipFirst: false, now);
        }
        else if (!outcome.Committed)
        {
            // What was never prepared needs no release: should a late request still prepare it, this account asks.
            Hold(outcome.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
        else if (attempts is null || !attempts.ContainsKey(outcome.Key))
        {
            Route(outcome, now);
        }
    }

    // That it is done is said by the record of it, in memory or in the journal: an incarnation that has been overtaken may know
    // less than the one that has prepared.
    private void Acknowledge(Outcome outcome, Dictionary<TransferId, IdFound?>? known)
    {
        if (FindRecord(outcome.Key, outcome.Digest, known) is { Status: TransferStatus.Created })
        {
            Hold(outcome.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
    }

    // R2: that nothing is known of it is never said from memory.
    private void DecideOutcome(OutcomeRequest asked, Dictionary<TransferId, IdFound?>? known, LedgerTime now)
    {
        var part = asked.Part;
        var record = FindRecord(part.Key, part.Digest, known);
        if (record is null && state.Remembered.Find(part.Key) is not { IsFinal: true })
        {
            Emit(new TransactionDisowned(part.Key, part.Digest, BookedAt(now)), urgent: true);
        }

        Hold(asked.Account, new Outcome(
            part.Key, part.Digest, record is { Status: TransferStatus.Created }, record?.Time ?? default)
        {
            Anchor = Address,
        });
    }

    // ---------------------------------------------------------------- closer

    private void DecideClose(CloseRequest close, Dictionary<TransferId, IdFound?>? known, LedgerTime now)
    {
        var part = close.Part;
        if (FindRecord(part.Key, part.Digest, known) is { } record)
        {
            AnswerClose(part, record);
            return;
        }

        var used = UsedUp(part, part.Key, known);
        if (used != TransferStatus.None)
        {
            // What used it up is journaled, and stays so: that is the refusal.
            Hold(part.Anchor, new CloseAnswer(
                part.Key, part.Digest, false, JudgedAt(now), RefusalOf(new LegDecision(used, part.Legs[0])) with { Seen = null }));
            return;
        }

        if (Keep(close, part.Key, close.Time, now))
        {
            return;
        }

        used = UsedUp(part, known);
        if (used != TransferStatus.None)
        {
            RefuseClose(close, RefusalOf(new LegDecision(used, part.Legs[0])) with { Seen = null }, now);
            return;
        }

        if (state.Remembered.Find(part.Key) is not null || FoundIn(known, part.Key) is not null)
        {
            // An attempt of another content under this key was refused: this one needs a key of its own.
            RefuseClose(close, null, now);
            return;
        }

        if (close is { Cancel: true, Verdict: not null })
        {
            // Whatever the legs would come to, and whether or not that can be decided.
            RefuseClose(close, null, now);
            return;
        }

        var decision = VerifyOrRefuse(part, known, null, close, JudgedAt(now, close.Time));
        if (decision.InDoubt)
        {
            RefuseClose(close, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            RefuseClose(close, RefusalOf(decision), now);
        }
        else if (close.Cancel)
        {
            RefuseClose(close, null, now);
        }
        else
        {
            var at = JudgedAt(now, close.Time);
            var row = Emit(new CloserCommitted(WithHoldRows(part), BookedAt(now, at)) { CommitTime = at }, urgent: true);
            Hold(part.Anchor, new CloseAnswer(part.Key, part.Digest, true, at, null)
            {
                Row = row, After = close.ReturnBalances ? AccountAfter.Of(state, row) : null,
            });
            ReleaseReaders(now);
        }
    }

    // Whether another transaction has used up the id here, or that of the attempt: that is journaled, and stays so (R7).
    private TransferStatus UsedUp(TransactionPart part, Dictionary<TransferId, IdFound?>? known)
    {
        var status = UsedUp(part, part.Key, known);
        return status != TransferStatus.None || part.Attempt == 0 ? status : UsedUp(part, part.Id, known);
    }

    private TransferStatus UsedUp(TransactionPart part, TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        var found = FoundIn(known, id);
        var used = found?.Last;
        var remembered = state.Remembered.Find(id);
        if (used is { Status: TransferStatus.Created } || remembered is { Status: TransferStatus.Created })
        {
            return used is not null && part.IsAlone
                ? CompareWith(used, part.Legs[0].Transfer!, known)
                : TransferStatus.ExistsWithDifferentTransfers;
        }

        return remembered is { IsFinal: true } || found is { IsUsedUp: true }
            ? TransferStatus.IdAlreadyFailed
            : TransferStatus.None;
    }

    private void RefuseClose(CloseRequest close, Refusal? refusal, LedgerTime now)
    {
        var part = close.Part;
        var at = BookedAt(now, close.Time);
        if (refusal is null && close is { Cancel: true, Verdict: not null })
        {
            refusal = RefusalOf(new LegDecision(TransferStatus.AbortedByOperator, part.Legs[0]));
        }

        Emit(
            new CloserRefused(WithHoldRows(part), refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, at)
            {
                Verdict = refusal?.Reason == TransferStatus.AbortedByOperator ? close.Verdict : null,
            },
            urgent: true);
        Hold(part.Anchor, new CloseAnswer(part.Key, part.Digest, false, at, refusal));
    }

    private void AnswerClose(TransactionPart part, RememberedId record)
    {
        var committed = record.Status == TransferStatus.Created;
        Hold(part.Anchor, new CloseAnswer(
            part.Key, part.Digest, committed, record.Time,
            committed || record.Status == TransferStatus.None
                ? null
                : new Refusal(
                    record.Details.FailedLeg, record.Status, state.Spec?.Asset ?? default, record.Details.Seen))
        {
            Row = committed ? record.SequenceNr : 0,
        });
    }

    // Goes through this account's legs, whose amounts are given.
    private LegDecision Verify(TransactionPart part, Dictionary<TransferId, IdFound?>? known, Work? work, LedgerTime at)
    {
        options.Deciding?.Invoke();
        var sheet = Sheet.Take(state, FactsOf(part, known, work), OldUpTo(at), dueBy: null, options);
        LegDecision decision = default;
        foreach (var leg in part.Legs)
        {
            if (!leg.Concerns(Address))
            {
                continue;
            }

            var isDebit = leg.Transfer is null || leg.Transfer.DebitAccount == Address;
            var other = leg.Transfer is { } transfer
                && (isDebit ? transfer.CreditAccount : transfer.DebitAccount) == part.Anchor
                    ? part.AnchorAsset
                    : default;
            decision = LegLadder.Decide(
                leg, isDebit ? sheet : null, isDebit ? null : sheet, other, at, isFixed: true);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (part.Legs.Length > 1)
            {
                sheet.Apply(leg);
            }
        }

        return decision;
    }

    // ---------------------------------------------------------------- trial (R14, R15)

    // Something else is being done about one of its ids, which must not wait for the question, nor the question for it. What
    // only the journal can tell is looked up besides (R4).
    private void AnswerTrialBesides(TrialRequest trial, Work owner)
    {
        var part = trial.Part;
        var known = owner.Known is null ? [] : new Dictionary<TransferId, IdFound?>(owner.Known);
        TransferId[] uncertain = [.. IdsOf(part).Where(id => id != part.Id && id != part.Key && state.FindHold(id) is null
            && (state.Remembered.Find(id) is not null || state.Remembered.MayHaveForgotten(id)) && !known.ContainsKey(id))];
        if (uncertain.Length == 0)
        {
            AnswerTrial(trial, known);
            return;
        }

        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        var missing = new HashSet<long>();
        foreach (var id in uncertain)
        {
            Ask(LookupOf(id, 0, withLater: true));
            missing.Add(lookupCount);
        }

        (besides ??= []).Add(new Besides(trial, missing, known));
    }

    // The journal has answered about an id, or could not: then who asked asks again.
    private void SettleBesides(IdLookup lookup, IdFound? found, bool failed)
    {
        for (var i = (besides?.Count ?? 0) - 1; i >= 0; i--)
        {
            var one = besides![i];
            if (!one.Missing.Remove(lookup.Number))
            {
                continue;
            }

            one.Known[lookup.Id] = found;
            if (failed || one.Missing.Count == 0)
            {
                besides.RemoveAt(i);
                if (!failed)
                {
                    AnswerTrial(one.Trial, one.Known);
                }
            }
        }
    }

    private void AnswerTrial(TrialRequest trial, Dictionary<TransferId, IdFound?>? known)
    {
        ImmutableArray<LegFact> told;
        var before = changes;
        try
        {
            options.Deciding?.Invoke();
            var part = trial.Part;
            var facts = FactsOf(part, known, null);
            told = [.. part.Legs.Where(leg => leg.Transfer is not null).Select(leg => facts?.Invoke(leg.Index) ?? new LegFact(leg.Index))];
            if (part.Legs.Any(static leg => leg.IsHold))
            {
                told = WithRoomForHolds(part, told);
            }
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(trial, e, lastNow);
            return;
        }

        SendQuote(trial, state.IsOpeningOrClosingInDoubt, told);
    }

    // Whether there is room for each hold that is asked for, after what the legs before it make and end.
    private ImmutableArray<LegFact> WithRoomForHolds(TransactionPart part, ImmutableArray<LegFact> facts)
    {
        var sheet = Sheet.Take(state, null, OldUpTo(lastNow), dueBy: null, options);
        var told = facts.ToBuilder();

        // The holds that its legs name: each with what is left of it, null where only the coordinator can know.
        Dictionary<TransferId, (Transfer Hold, Amount? Left, bool IsEnded)> named = [];
        var place = -1;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                continue;
            }

            place++;
            if (leg.IsHold)
            {
                var problem = sheet.CheckHolds(
                    leg, transfer.DebitAccount == Address ? transfer.CreditAccount : transfer.DebitAccount);
                told[place] = problem == TransferStatus.None ? told[place]
                    : sheet.MayHaveMoreRoom ? told[place] with { InDoubt = true }
                    : told[place] with { HoldProblem = problem };
                sheet.CountHold(transfer, 1);
                named[transfer.Id] = (
                    transfer, transfer.IsBalancing || !transfer.Reverses.IsNil ? null : transfer.Amount, IsEnded: false);
            }
            else if (transfer.ResolvesHold)
            {
                if (!named.TryGetValue(transfer.PendingId, out var one))
                {
                    if (told[place] is not { HoldProblem: TransferStatus.None, Pending: { } hold } fact)
                    {
                        continue;
                    }

                    one = (hold, fact.Remaining, IsEnded: false);
                }

                var left = LeftOf(transfer, one.Left);

                // Where it can't be known here, there is room: the vote, which sees the amounts, judges again.
                var ends = left is null or { IsZero: true };
                if (ends && !one.IsEnded)
                {
                    sheet.CountHold(one.Hold, -1);
                }

                named[transfer.PendingId] = (one.Hold, left, ends);
            }
        }

        return told.MoveToImmutable();
    }

    // What a post or a void leaves of a hold; null where that can't be known.
    private static Amount? LeftOf(Transfer transfer, Amount? before) =>
        (transfer.Flags & TransferFlags.KeepRest) == TransferFlags.None || transfer.Amount == Amount.MaxValue ? Amount.Zero
        : before is { } left ? left > transfer.Amount ? left - transfer.Amount : Amount.Zero
        : null;

    private void SendQuote(TrialRequest trial, bool inDoubt, ImmutableArray<LegFact> facts)
    {
        var favour = state.FavourOf(OldUpTo(lastNow), dueBy: null);
        Hold(trial.Part.Anchor, new TrialAnswer(trial.Part.Id, trial.Round, new AccountQuote(
            Address, state.Spec, state.ClosedByChange, state.Freeze, state.Balances, state.Load, inDoubt, facts)
        {
            OpenedWith = state.OpenedWith,
            ClosedByHold = state.ClosedByHold,
            DebitFavour = favour.Debit,
            CreditFavour = favour.Credit,
        }));
    }

    // What this account knows of the ids that its legs name.
    private Func<int, LegFact>? FactsOf(TransactionPart part, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        if (part.Attempt == 0 && part.Legs is [{ Transfer: { ResolvesHold: false, Reverses.IsNil: true } }] && part.IsAlone)
        {
            // Its id is the attempt's own, and it names no other.
            return null;
        }

        Dictionary<int, LegFact> facts = [];
        Dictionary<TransferId, Amount>? reversing = null;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && IsMine(part, leg))
            {
                var fact = new LegFact(leg.Index);
                if (transfer.Id != part.Id || part.Attempt > 0)
                {
                    fact = WithOwnId(fact, transfer, known, work);
                }

                if (transfer.ResolvesHold)
                {
                    fact = WithHold(fact, transfer, known, work);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    fact = WithReversed(fact, transfer, known, work, reversing?.GetValueOrDefault(transfer.Reverses) ?? Amount.Zero);
                    reversing ??= [];
                    reversing[transfer.Reverses] =
                        reversing.GetValueOrDefault(transfer.Reverses).TryAdd(transfer.Amount, out var sum) ? sum : Amount.MaxValue;
                }

                facts[leg.Index] = fact;
            }
        }

        return index => facts.TryGetValue(index, out var fact) ? fact : new LegFact(index);
    }

    private LegFact WithOwnId(LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        if (IsInDoubtElsewhere(transfer.Id, work))
        {
            return fact with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Id) is { Last: { } record } found)
        {
            return record.Status == TransferStatus.Created ? fact with { Known = CompareWith(record, transfer, known) }
                : found.IsUsedUp ? fact with { Known = TransferStatus.IdAlreadyFailed }
                : fact;
        }

        return state.Remembered.Find(transfer.Id) switch
        {
            // Decided while the question was out: asking again tells which field differs.
            { Status: TransferStatus.Created } => fact with { InDoubt = true },
            { IsFinal: true } => fact with { Known = TransferStatus.IdAlreadyFailed },
            _ => fact,
        };
    }

    private LegFact WithHold(LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        var id = transfer.PendingId;
        if (IsInDoubtElsewhere(id, work) || (state.IsLocked(id) && (work?.Part is null || !state.IsLocked(id))))
        {
            return fact with { InDoubt = true };
        }

        if (state.FindHold(id) is { } hold)
        {
            return fact with
            {
                Pending = WithoutText(hold.Transfer, hold.Amount), Remaining = hold.Remaining, Deadline = hold.Deadline,
            };
        }

        if (FoundIn(known, id) is not { Last: { Status: TransferStatus.Created } record } found)
        {
            return fact with { HoldProblem = TransferStatus.PendingTransferNotFound };
        }

        var leg = record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null);
        if (leg is not { IsHold: true })
        {
            return fact with { HoldProblem = TransferStatus.PendingTransferNotPending };
        }

        var end = state.Remembered.Find(id)?.Details.Hold is { } remembered and not (HoldState.None or HoldState.Live)
            ? remembered
            : found.Hold;
        return fact with
        {
            Pending = WithoutText(leg.Transfer!, leg.Amount),
            HoldProblem = end switch
            {
                HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                HoldState.Voided => TransferStatus.PendingTransferAlreadyVoided,
                HoldState.Expired => TransferStatus.PendingTransferExpired,
                _ => TransferStatus.PendingTransferNotFound,
            },
        };
    }

    // A hold as its resolutions are decided by it, and as it is told to others: many of them must fit into one answer.
    private static Transfer WithoutText(Transfer hold, Amount amount) =>
        hold with { Amount = amount, Reference = "", Metadata = Metadata.Empty };

    // Which rows of this stream hold what posts and voids leave to their holds: another account has them in others.
    private TransactionPart WithHoldRows(TransactionPart part)
    {
        ImmutableArray<PartLeg>.Builder? legs = null;
        for (var i = 0; i < part.Legs.Length; i++)
        {
            var leg = part.Legs[i];
            if (leg.Transfer is not { ResolvesHold: true } transfer)
            {
                continue;
            }

            var row = leg.Concerns(Address) && state.FindHold(transfer.PendingId) is { } hold && hold.HasTextFor(transfer)
                ? hold.SequenceNr
                : 0;
            if (row != leg.HoldRow)
            {
                (legs ??= part.Legs.ToBuilder())[i] = leg with { HoldRow = row };
            }
        }

        return legs is null ? part : part with { Legs = legs.MoveToImmutable() };
    }

    private LegFact WithReversed(
        LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work, Amount before)
    {
        if (IsInDoubtElsewhere(transfer.Reverses, work))
        {
            return fact with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Reverses) is not { Last: { Status: TransferStatus.Created } record } found
            || (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is not { Transfer: { } original } leg)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferNotFound };
        }

        if (!leg.IsPosting)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferNotPosted };
        }

        if (original.DebitAccount != transfer.CreditAccount || original.CreditAccount != transfer.DebitAccount)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferHasDifferentAccounts };
        }

        var left = found.Reversed < leg.Amount ? leg.Amount - found.Reversed : Amount.Zero;
        return fact with { Reversible = before < left ? left - before : Amount.Zero };
    }

    private bool IsInDoubtElsewhere(TransferId id, Work? work) =>
        claims is not null && claims.TryGetValue(id, out var owner) && owner != work && owner.Part is not null;
}
