using System.Collections.Immutable;

namespace Ledger.Core;

/// <content>The anchor: decides what clients ask for, and coordinates it.</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- anchor: deciding

    private void DecideAsked(Work work, LedgerTime now)
    {
        var call = work.Waiters.Count > 0 ? work.Waiters[0] as AccountCall : null;
        if (call is not null && now > call.Deadline)
        {
            // A look-up may have taken longer than the caller wanted to wait.
            Hold(call.Caller, new CallFailed(CallFailure.DeadlineExpired));
            Finish(work, skipFirst: true, now);
            return;
        }

        if (!work.HasFirst && work.Input is AccountCall given && now > given.Deadline)
        {
            // Who asked has been told that it is unknown; it must not be done later than was asked for.
            Finish(work, skipFirst: false, now);
            return;
        }

        if (work.IsExpiry && (state.FindHold(work.Asked!.Legs[0].Transfer!.PendingId) is not { } hold || hold.Deadline > JudgedAt(now)
            || hold.ExpiryId != work.Asked.Id))
        {
            Finish(work, skipFirst: false, now);
            return;
        }

        if (TryAnswerKnown(work, now))
        {
            return;
        }

        var asked = work.Asked!;
        if (!work.IsExpiry && IsOfTheFuture(asked, JudgedAt(now), out var dated))
        {
            // As what is malformed: it is not journaled, and the id stays free. What was taken before is answered above.
            Answer(work, Rejected(asked, dated, TransferStatus.IdFromTheFuture, default, null, replayed: false) with
            {
                Status = TransferStatus.IdFromTheFuture, FailedLeg = Math.Max(dated, 0),
            });
            Finish(work, skipFirst: work.HasFirst, now);
            return;
        }

        var part = asked;
        if (state.Remembered.Find(asked.Id) is not null || FoundIn(work.Known, asked.Id) is not null)
        {
            part = part with { Attempt = state.PreparedCount + 1 };
        }

        if (IsTooLarge(work, part, now))
        {
            return;
        }

        if (work.Quotes is null && !part.IsPlain && part.Legs.Any(leg => NeedsQuote(part, leg)))
        {
            StartTrial(work, now);
            return;
        }

        var decision = Walk(part, work, now, out var resolved);
        if (decision.InDoubt)
        {
            WaitFor(work, decision.IsForMoney, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            if (work.Quotes is null && MayBeOutranked(part, decision))
            {
                StartTrial(work, now);
            }
            else
            {
                Reject(work, part, decision, now);
            }
        }
        else if (work.IsTrial)
        {
            if (work.Quotes is null && part.Others().Count > 0)
            {
                StartTrial(work, now);
            }
            else
            {
                Answer(work, new TransactionResult(part.Id, TransferStatus.None, -1, default, false, null, []));
                Finish(work, skipFirst: work.HasFirst, now);
            }
        }
        else if (RefusedForDoubt(part, now) is { } reason)
        {
            if (work.IsExpiry)
            {
                Pause(part.Id, now, options.RetryAfterMax);
            }

            GiveUp(work, reason, now);
        }
        else
        {
            if (work.Retries >= QuotesExactMax)
            {
                // On an account that never rests, the quote is never exact: what it said must still be there, no more.
                resolved = [.. resolved.Select(static leg => leg.Bound == AmountBound.None ? leg : leg with { Bound = AmountBound.Quoted })];
            }

            // Opened meanwhile, perhaps.
            var anchorAsset = AnchorAssetOf(part);
            Prepare(
                work,
                resolved == part.Legs && anchorAsset == part.AnchorAsset
                    ? part
                    : part with { Legs = resolved, AnchorAsset = anchorAsset },
                now);
        }
    }

    // Whether an id is too far ahead, and the place of the first transfer with such an id; where it is the transaction's own, of the
    // first transfer. -1 where there is none.
    private static bool IsOfTheFuture(TransactionPart asked, LedgerTime now, out int leg)
    {
        var all = IdWindow.IsOfTheFuture(asked.Id, now);
        for (leg = 0; leg < asked.Legs.Length && (all || !asked.IsPlain); leg++)
        {
            if (asked.Legs[leg].Transfer is { } transfer && (all || IdWindow.IsOfTheFuture(transfer.Id, now)))
            {
                return true;
            }
        }

        leg = -1;
        return all;
    }

    // What can't be stored, sent and shown is refused before anything is journaled: it would be in doubt for ever (R17). Nothing is
    // remembered of it either. A transfer that stands alone is never that large.
    private bool IsTooLarge(Work work, TransactionPart part, LedgerTime now)
    {
        if (part.Legs.Length == 1)
        {
            return false;
        }

        var size = EncodedSize.OfAsked(part);
        if (size <= options.TransactionBytesMax)
        {
            return false;
        }

        if (work.HasFirst && work.Waiters[0] is AccountCall call)
        {
            Hold(call.Caller, new CallFailed(CallFailure.TransactionTooLarge) { Size = size, Limit = options.TransactionBytesMax });
        }

        Finish(work, skipFirst: work.HasFirst, now);
        return true;
    }

    private Asset AnchorAssetOf(TransactionPart part)
    {
        if (state.Spec is { } spec)
        {
            return spec.Asset;
        }

        foreach (var leg in part.Legs)
        {
            if (leg.Opening is { } opening && opening.Address == Address)
            {
                return opening.Asset;
            }
        }

        return default;
    }

    // Whether the leg's amount, or its hold, is another account's to tell.
    private bool NeedsQuote(TransactionPart part, PartLeg leg) => leg.Transfer is { } transfer
        && (((transfer.Flags & TransferFlags.BalancingDebit) != TransferFlags.None && transfer.DebitAccount != Address)
            || ((transfer.Flags & TransferFlags.BalancingCredit) != TransferFlags.None && transfer.CreditAccount != Address)
            || (!transfer.Reverses.IsNil && transfer.Amount == Amount.MaxValue && transfer.DebitAccount != Address)
            || (transfer.ResolvesHold && !IsMine(part, leg)));

    // The resolution of a hold that stands alone is anchored where the hold is debited, whatever accounts it names.
    private bool IsMine(TransactionPart part, PartLeg leg) =>
        leg.Concerns(Address) || (part.IsAlone && leg.Transfer!.ResolvesHold);

    // Goes through the legs in order, as far as accounts are known: this one as it is, the others by their quotes.
    private LegDecision Walk(TransactionPart part, Work work, LedgerTime now, out ImmutableArray<PartLeg> resolved)
    {
        options.Deciding?.Invoke();
        var facts = FactsOf(part, work.Known, work);
        var own = Sheet.Take(
            state, facts, OldUpTo(now), dueBy: state.NextDeadline <= JudgedAt(now) ? JudgedAt(now) : null, options);
        Dictionary<AccountAddress, AccountSheet>? others = null;
        if (work.Quotes is { } quotes)
        {
            others = [];
            foreach (var (account, quote) in quotes)
            {
                others.Add(account, new AccountSheet(quote));
            }
        }

        resolved = part.Legs;
        var legs = part.Legs.Length == 1 ? null : ImmutableArray.CreateBuilder<PartLeg>(part.Legs.Length);
        var at = JudgedAt(now);
        foreach (var leg in part.Legs)
        {
            AccountSheet? debit;
            AccountSheet? credit = null;
            if (leg.Transfer is { } transfer)
            {
                // A hold that this account is the credit side of was asked for at the wrong one: its rules hold all the same.
                debit = transfer.DebitAccount == Address
                    || (part.IsAlone && transfer.ResolvesHold && own.FactOf(leg.Index).Pending?.CreditAccount != Address)
                    ? own
                    : others?.GetValueOrDefault(transfer.DebitAccount);
                credit = debit != own && (transfer.CreditAccount == Address || (part.IsAlone && transfer.ResolvesHold))
                    ? own
                    : others?.GetValueOrDefault(transfer.CreditAccount);
            }
            else
            {
                debit = leg.Opening!.Address == Address ? own : others?.GetValueOrDefault(leg.Opening.Address);
            }

            var decision = LegLadder.Decide(leg, debit, credit, default, at, isFixed: false);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (legs is null)
            {
                if (!ReferenceEquals(decision.Leg, part.Legs[0]))
                {
                    resolved = [decision.Leg];
                }

                return decision;
            }

            debit?.Apply(decision.Leg);
            credit?.Apply(decision.Leg);
            legs.Add(decision.Leg);
        }

        resolved = legs is null ? [] : legs.MoveToImmutable();
        return new LegDecision(TransferStatus.None, resolved.Length > 0 ? resolved[0] : part.Legs[0]);
    }

    private bool MayBeOutranked(TransactionPart part, LegDecision decision)
    {
        if (decision.Leg.Opening is not null ? decision.Leg.Index == 0 : part.IsAlone
            && (part.Legs[0].Transfer!.ResolvesHold
                || TransferStatusPrecedence.Outranks(decision.Status, TransferStatus.CreditAccountNotFound)))
        {
            return false;
        }

        return part.Others().Count > 0;
    }

    // A refusal for want of money waits no longer than a read. The last look is when the wait is over.
    private void WaitFor(Work work, bool isForMoney, LedgerTime now)
    {
        if (work.Input is AccountCall asked)
        {
            if (work.GiveUpAt != default && now >= work.GiveUpAt)
            {
                GiveUp(work, CallFailure.AccountInDoubt, now);
                return;
            }

            var until = isForMoney ? ReadUntil(asked, now) : CommandUntil(asked, now);
            work.GiveUpAt = work.GiveUpAt == default ? until : Earlier(work.GiveUpAt, until);
        }

        SetPhase(work, Phase.Waiting);
        var pause = options.RetryAfter * (1 << Math.Min(work.Retries, 10));
        pause = pause < options.RetryAfterMax ? pause : options.RetryAfterMax;
        work.Retries++;

        // Two that meet again and again must not do so in step.
        var spread = (long)(unchecked((ulong)(work.Ids[0].Value ^ (uint)work.Retries) * 0x9E3779B97F4A7C15UL) >> 40 & 0x3FF);
        work.ResendAt = now.Add(pause * (1 + (spread / 1024.0)));
        if (work.GiveUpAt != default && work.GiveUpAt < work.ResendAt)
        {
            work.ResendAt = work.GiveUpAt;
        }

        work.WaitsSince = state.LastDecision;
        shell.WakeAt(work.ResendAt);
        LetOthersIn(work, now);
    }

    // What other accounts asked while ids were looked up does not wait for what this account waits for.
    private void LetOthersIn(Work work, LedgerTime now)
    {
        List<AccountMessage>? others = null;
        for (var i = work.Waiters.Count - 1; i >= 0; i--)
        {
            if (work.Waiters[i] is not AccountCall)
            {
                (others ??= []).Add(work.Waiters[i]);
                work.Waiters.RemoveAt(i);
            }
        }

        others?.Reverse();
        RouteAgain(others ?? [], now);
    }

    private void StartTrial(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.OnTrial);
        work.Others = work.Asked!.Others();
        work.Round = ++round;
        work.Quotes = [];
        work.Resends = 0;
        foreach (var other in work.Others)
        {
            Hold(other, new TrialRequest(work.Asked.SliceFor(other), work.Round));
        }

        ScheduleResend(work, now);
        LetOthersIn(work, now);
    }

    private void Quoted(TrialAnswer answer, LedgerTime now)
    {
        if (claims is null || !claims.TryGetValue(answer.Id, out var work) || work.Phase != Phase.OnTrial
            || work.Round != answer.Round || !work.Others.Contains(answer.Quote.Account))
        {
            return;
        }

        work.Quotes![answer.Quote.Account] = answer.Quote;
        if (work.Quotes.Count == work.Others.Count)
        {
            Continue(work, now);
        }
    }

    private void Reject(Work work, TransactionPart part, LegDecision decision, LedgerTime now)
    {
        var at = BookedAt(now);
        var position = default(RowPosition);
        var seen = SeenBy(work, decision);
        if (!work.IsExpiry && !work.IsTrial && !FollowsFromIds(decision))
        {
            // What was never prepared is no attempt.
            position = new RowPosition(Address, Emit(
                new TransactionRejected(AsStored(part) with { Attempt = 0 }, decision.Leg.Index, decision.Status, seen, at),
                urgent: true));
        }
        else
        {
            at = default;
            seen = null;
        }

        Answer(work, Rejected(part, decision.Leg.Index, decision.Status, at, seen, replayed: false, position));
        Finish(work, skipFirst: work.HasFirst, now);
    }

    // A hold that never was has no deadline, and is stored as one that never expires: its digest must be the same before the
    // journal and after it (I8).
    private static TransactionPart AsStored(TransactionPart part) =>
        part.Legs.Any(static leg => leg.IsHold && leg.Deadline == default)
            ? part with
            {
                Legs = [.. part.Legs.Select(static leg =>
                    leg.IsHold && leg.Deadline == default ? leg with { Deadline = LedgerTime.MaxValue } : leg)],
            }
            : part;

    // What follows from an id that is used up stays so for ever, without being journaled again.
    private static bool FollowsFromIds(LegDecision decision) => decision.Leg.Transfer is not null
        && (decision.Status == TransferStatus.IdAlreadyFailed || IsExists(decision.Status));

    private static bool IsExists(TransferStatus status) =>
        status is TransferStatus.Exists
        || (!TransferStatusPrecedence.Outranks(status, TransferStatus.ExistsWithDifferentTransfers)
            && !TransferStatusPrecedence.Outranks(TransferStatus.Exists, status));

    // The balances are those of the account whose reason it is.
    private Balances? SeenBy(Work work, LegDecision decision)
    {
        if (decision.Leg.Transfer is not { } transfer)
        {
            return null;
        }

        var account = decision.Status is TransferStatus.CreditAccountNotFound or TransferStatus.ExceedsDebits
            or TransferStatus.CreditAccountAlreadyClosed or TransferStatus.CreditAccountFrozen
            or TransferStatus.OverflowsCredits or TransferStatus.OverflowsCreditsPending or TransferStatus.OverflowsCreditsPosted
            ? transfer.CreditAccount
            : transfer.DebitAccount;
        if (account == Address || account.IsNone)
        {
            return state.Spec is null ? null : state.Balances;
        }

        return work.Quotes?.GetValueOrDefault(account) is { Spec: not null } quote ? quote.Balances : null;
    }

    // ---------------------------------------------------------------- anchor: the commit

    private void Prepare(Work work, TransactionPart part, LedgerTime now)
    {
        // Said again, with every amount, and all that is the hold's.
        part = WithHoldRows(part);
        work.Part = part;
        work.Quotes = null;
        work.Others = part.Others();
        if (work.Others.Count == 0)
        {
            // Openings of this very account: its own write is the commit.
            var at = JudgedAt(now);
            var row = Emit(new CloserCommitted(part, BookedAt(now)) { CommitTime = at }, urgent: true);
            var result = Committed(part, at, replayed: false, new RowPosition(Address, row));
            Answer(work, work.WantsAfter ? result with { After = [AccountAfter.Of(state, row)] } : result);
            Finish(work, skipFirst: work.HasFirst, now);
            return;
        }

        Emit(new TransactionPrepared(part, BookedAt(now)), urgent: true);
        work.Since = now;
        (attempts ??= [])[part.Key] = work;
        (prepared ??= []).Enqueue((state.PreparedCount, part.Key));
        if (!part.IsPlain)
        {
            Claim(work, IdsOf(part));
        }

        work.Known = null;
        AskOthers(work, now);
        LetOthersIn(work, now);
    }

    // From here only the closer's journal decides (R1).
    private void AskOthers(Work work, LedgerTime now)
    {
        if (work.Others.Count == 0)
        {
            work.Others = work.Part!.Others();
        }

        work.Resends = 0;
        work.Cancel = false;
        work.Verdict = null;
        if (work.Others.Count == 1)
        {
            AskCloser(work, now);
            return;
        }

        SetPhase(work, Phase.Voting);
        work.Votes = [];
        foreach (var participant in work.Participants)
        {
            Hold(participant, new PrepareRequest(work.Part!.SliceFor(participant)) { Time = JudgedAt(now) });
        }

        ScheduleResend(work, now);
    }

    private void AskCloser(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.Closing);
        SendClose(work, now);
    }

    // What a participant has spent came before its vote, which this account books nowhere: so the last agent is told of all their
    // times (I11).
    private void SendClose(Work work, LedgerTime now)
    {
        var time = JudgedAt(now);
        if (work.Votes is { } votes)
        {
            foreach (var vote in votes.Values)
            {
                time = vote.Time > time ? vote.Time : time;
            }
        }

        Hold(work.Closer, new CloseRequest(work.Part!.SliceFor(work.Closer), work.Cancel)
        {
            Time = time, ReturnBalances = work.WantsAfter, Verdict = work.Cancel ? work.Verdict : null,
        });
        ScheduleResend(work, now);
    }

    private void Voted(Vote vote, LedgerTime now)
    {
        if (FindAttempt(vote.Key, vote.Digest) is not { Phase: Phase.Voting } work || !work.HasParticipant(vote.Account))
        {
            return;
        }

        if (vote.Time > now.Add(AheadMax))
        {
            // Its time would stay in the close, and the last agent would not take that for as long as it lies ahead: perhaps for
            // ever. The participant is asked again, and by then its clock may be right.
            DroppedAhead++;
            return;
        }

        work.Votes![vote.Account] = vote;
        if (work.Votes.Count == work.Others.Count - 1)
        {
            work.Cancel = work.Votes.Values.Any(static one => one.Kind != VoteKind.Yes);
            work.Resends = 0;
            AskCloser(work, now);
        }
    }

    private void Closed(CloseAnswer answer, LedgerTime now)
    {
        if (FindAttempt(answer.Key, answer.Digest) is not { Phase: Phase.Voting or Phase.Closing } work)
        {
            // An answer to a duplicate: it is decided already.
            return;
        }

        if (work.Phase == Phase.Voting && !answer.Committed)
        {
            // A former incarnation had asked, but the votes that name the reason are to come (R15); then it says so again.
            return;
        }

        work.Committed = answer.Committed;
        work.CommitTime = answer.Time;
        work.DecidedRow = answer.Row;
        work.Acks = [];
        work.After = null;
        AddAfter(work, answer.After);
        work.Resends = 0;
        if (answer.Committed)
        {
            if (work.Others.Count == 1)
            {
                FinishCommit(work, now);
                return;
            }

            SetPhase(work, Phase.Telling);
        }
        else
        {
            var refusal = WorstOrFailed(work, answer);
            if (refusal is not null && work.IsExpiry)
            {
                // The end of a hold is never refused but by a defect (R12). It is not over, and tried again after long.
                refusal = null;
                work.IsRefused = true;
            }

            work.AbortTime = BookedAt(now);
            work.DecidedRow = Emit(
                new TransactionAborted(
                    answer.Key, refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, BookedAt(now)),
                urgent: true);
            work.Refusal = refusal;
            if (work.Others.Count == 1)
            {
                FinishAbort(work, now);
                return;
            }

            SetPhase(work, Phase.Releasing);
            work.AnswerBy = now.Add(options.ReleaseWait);
            shell.WakeAt(work.AnswerBy);
        }

        Tell(work, now);
    }

    // The lowest leg that fails decides, and on it the reason that ranks higher (R15). Null: something was in doubt.
    private static Refusal? Worst(Work work, Refusal? closers)
    {
        if (closers?.Reason == TransferStatus.AbortedByOperator)
        {
            // It is over for good: another attempt would be in doubt as this one was.
            return closers;
        }

        var refusals = new List<Refusal>();
        foreach (var vote in work.Votes?.Values ?? Enumerable.Empty<Vote>())
        {
            if (vote.Kind == VoteKind.InDoubt)
            {
                return null;
            }

            if (vote.Refusal is { } refusal)
            {
                refusals.Add(refusal);
            }
        }

        if (closers is not null)
        {
            refusals.Add(closers);
        }

        if (refusals.Count == 0)
        {
            return null;
        }

        var first = refusals.Min(static one => one.Leg);
        refusals.RemoveAll(one => one.Leg != first);
        var worst = refusals[0];
        if (work.Part!.Legs[first].Opening is not null)
        {
            return worst;
        }

        foreach (var refusal in refusals)
        {
            worst = TransferStatusPrecedence.Outranks(refusal.Reason, worst.Reason) ? refusal : worst;
        }

        // Each side alone can only say that the transfer's asset is not its own. If the other one's is, or is another one
        // still, then the accounts differ, which ranks higher.
        return worst.Reason == TransferStatus.TransferMustHaveTheSameLedgerAsAccounts
            && (refusals.Count == 1 || refusals[0].Asset != refusals[1].Asset)
                ? worst with { Reason = TransferStatus.AccountsMustHaveTheSameLedger }
                : worst;
    }

    private void Tell(Work work, LedgerTime now)
    {
        var outcome = new Outcome(
            work.Part!.Key, work.Part.Digest, work.Committed, work.Committed ? work.CommitTime : default)
        {
            Anchor = Address, ReturnBalances = work.WantsAfter,
        };
        foreach (var participant in work.Participants)
        {
            if (!work.Acks!.Contains(participant))
            {
                Hold(participant, outcome);
            }
        }

        ScheduleResend(work, now);
    }

    private void Acknowledged(OutcomeAck ack, LedgerTime now)
    {
        if (FindAttempt(ack.Key, ack.Digest) is not { Phase: Phase.Telling or Phase.Releasing } work
            || !work.HasParticipant(ack.Account) || !work.Acks!.Add(ack.Account))
        {
            return;
        }

        AddAfter(work, ack.After);
        if (work.Acks.Count < work.Others.Count - 1)
        {
            return;
        }

        if (work.Committed)
        {
            FinishCommit(work, now);
        }
        else
        {
            FinishAbort(work, now);
        }
    }

    private void FinishCommit(Work work, LedgerTime now)
    {
        var part = work.Part!;
        var commit = CommitOf(part, work.CommitTime, now);
        Emit(commit, urgent: false, work.Size);
        if (open is { Urgent: false, Events.Count: 1 })
        {
            // It has begun a row, which others may share.
            lazySince = now;
            shell.WakeAt(now.Add(options.CommitRecordDelay));
        }

        expiryPauses?.Remove(part.Id);
        if (work.HasFirst)
        {
            // The commit is durable at the closer, and everybody's preparation and the participants' outcomes are durable too:
            // whatever is lost here, recovery asks the closer and answers the same. So the answer need not wait for any row of
            // this account, and must not: the client is told at once.
            var call = (AccountCall)work.Waiters[0];
            var position = RowPosition.Of(work.Closer, work.DecidedRow);
            var result = Committed(part, work.CommitTime, replayed: false, position);
            if (work.WantsAfter && state.Spec is not null)
            {
                // Its own counters rest on all that it has decided, and so they wait for that to be durable (R8).
                AddAfter(work, AccountAfter.Of(state, commit.PreparedSequenceNr));
                Hold(call.Caller, AnswerTo(call, result with { After = work.After! }, part));
            }
            else
            {
                Release(new Outgoing(call.Caller, AnswerTo(call, result), default, null));
            }
        }

        Finish(work, skipFirst: work.HasFirst, now);
    }

    private static void AddAfter(Work work, AccountAfter? after)
    {
        if (after is not null && work.WantsAfter)
        {
            (work.After ??= []).Add(after);
        }
    }

    private void FinishAbort(Work work, LedgerTime now)
    {
        var part = work.Part!;
        if (work.Refusal is { } refusal)
        {
            if (work.HasFirst)
            {
                Answer(work, Rejected(
                    part, refusal.Leg, refusal.Reason, work.AbortTime, refusal.Seen, replayed: false,
                    new RowPosition(Address, work.DecidedRow)));
            }

            Finish(work, skipFirst: work.HasFirst, now);
            return;
        }

        // Something was in doubt: the attempt is over, the request is not.
        Unclaim(work);
        ReleaseReaders(now);
        if (work.IsExpiry)
        {
            // It starts again by itself, for as long as the hold is due.
            Pause(work.Part!.Id, now, work.IsRefused ? options.FailedExpiryPauseMax : options.RetryAfterMax);
            RouteAgain(work.Waiters, now);
            return;
        }

        if (!work.HasFirst)
        {
            RouteAgain(work.Waiters, now);
            return;
        }

        var again = new Work(work.Input, work.Asked) { HasFirst = true, Retries = work.Retries, GiveUpAt = work.GiveUpAt };
        again.Waiters.AddRange(work.Waiters.Where(static waiter => waiter is AccountCall));
        Claim(again, IdsOf(again.Asked!));
        WaitFor(again, isForMoney: false, now);

        // What other accounts ask does not wait with it.
        RouteAgain(work.Waiters.Where(static waiter => waiter is not AccountCall).ToArray(), now);
    }

    private TransactionCommitted CommitOf(TransactionPart part, LedgerTime commitTime, LedgerTime now)
    {
        List<TransferId>? ended = null;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { ResolvesHold: true } transfer && transfer.CreditAccount == Address
                && leg.HoldAfter != HoldState.Live)
            {
                (ended ??= []).Add(transfer.PendingId);
            }
        }

        var committed = new TransactionCommitted(
            part.Key, state.FindInDoubt(part.Key)!.SequenceNr, commitTime, BookedAt(now, commitTime));
        return ended is null ? committed : committed with { EndedHolds = ended };
    }

    private Work? FindAttempt(TransferId key, UInt128 digest) =>
        attempts is not null && attempts.TryGetValue(key, out var work) && work.Part!.Digest == digest ? work : null;

    // Takes a work off, and lets those go on that waited for it.
    private void Finish(Work work, bool skipFirst, LedgerTime now)
    {
        Unclaim(work);
        if (work.Waiters.Count > (skipFirst ? 1 : 0))
        {
            RouteAgain(skipFirst ? work.Waiters.Skip(1) : work.Waiters, now);
        }

        ReleaseReaders(now);
    }
}
