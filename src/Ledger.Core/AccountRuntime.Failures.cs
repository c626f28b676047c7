namespace Ledger.Core;

/// <content>Decisions that throw (R18).</content>
public sealed partial class AccountRuntime
{
    // ---------------------------------------------------------------- decisions that throw (R18)

    // Whoever asks for what throws asks again: another account for ever, as R1 and R3 bid it. Were the account to end
    // each time,
    // one request would keep it, and all who use it, from working. So what throws before anything is changed is a
    // refusal:
    //   a client's own call       fails by name; nothing is journaled
    //   a participant             votes no
    //   the last agent            journals a refusal, and so ends the attempt for good
    //   a dry run                 says that the leg would fail
    //   an expiry                 is given up, and tried again after a pause that doubles up to an hour
    //   an outcome, a question about one, or a request of which it is not known whether it is decided
    //                             gets no answer, as if it had been lost: its sender says it again, and no row is
    //                             written
    // The reason is named, and final for the request: what throws will mostly throw again, and a coordinator that tried
    // anew would
    // do so until its caller gives up, three rows at a time.

    // How often the state began to change. What throws after that leaves half a change, which must not be built upon.
    private long changes;

    private bool IsRefusal(Exception thrown, long changesBefore) =>
        changes == changesBefore && thrown is not OutOfMemoryException;

    private void Begin(Work work, LedgerTime now)
    {
        var before = changes;
        try
        {
            LookUp(work, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            GiveUp(work, e, now);
        }
    }

    private void Continue(Work work, LedgerTime now)
    {
        var before = changes;
        try
        {
            Decide(work, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            GiveUp(work, e, now);
        }
    }

    private void Route(AccountMessage input, LedgerTime now)
    {
        var before = changes;
        try
        {
            RouteByIds(input, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            Refuse(input, e, now);
        }
    }

    // What an account decides about another one's legs, or why it can't say.
    private LegDecision VerifyOrRefuse(
        TransactionPart part, Dictionary<TransferId, IdFound?>? known, Work? work, AccountMessage input, LedgerTime at)
    {
        var before = changes;
        try
        {
            return Verify(part, known, work, at);
        }
        catch (Exception e) when (IsRefusal(e, before) && part.Legs.Length > 0)
        {
            shell.DecisionFailed(input, e);
            return new LegDecision(TransferStatus.DecisionFailed, part.Legs[0]);
        }
    }

    private Refusal? WorstOrFailed(Work work, CloseAnswer answer)
    {
        var before = changes;
        try
        {
            return Worst(work, answer.Refusal);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            shell.DecisionFailed(answer, e);
            return FailureOf(work.Part!);
        }
    }

    // What was being decided is taken off, and who asked for it is refused; those who waited for it are decided by
    // themselves.
    private void GiveUp(Work work, Exception thrown, LedgerTime now)
    {
        if (IsClaimed(work))
        {
            Unclaim(work);
        }

        switch (work.Input)
        {
            case AccountCall call:
                shell.DecisionFailed(call, thrown);
                if (work.HasFirst)
                {
                    Hold(((AccountCall)work.Waiters[0]).Caller, new CallFailed(CallFailure.DecisionFailed));
                    work.Waiters.RemoveAt(0);
                }

                break;
            case null:
                shell.DecisionFailed(null, thrown);
                if (work.IsExpiry)
                {
                    Pause(work.Asked!.Id, now, options.FailedExpiryPauseMax);
                }

                break;
            default:
                Refuse(work.Input, thrown, now);
                break;
        }

        RouteAgain(work.Waiters, now);
    }

    private void Refuse(AccountMessage input, Exception thrown, LedgerTime now)
    {
        shell.DecisionFailed(input, thrown);
        switch (input)
        {
            case AccountCall call:
                Hold(call.Caller, new CallFailed(CallFailure.DecisionFailed));
                break;
            case PrepareRequest prepare:
                // The last agent decides, whatever this account has journaled of it.
                SendVote(prepare.Part, VoteKind.No, FailureOf(prepare.Part), now);
                break;
            case TrialRequest trial:
                SendFailedQuote(trial);
                break;
            default:
                break;
        }
    }

    private Refusal FailureOf(TransactionPart part) => new(
        part.Legs.Length > 0 ? part.Legs[0].Index : 0, TransferStatus.DecisionFailed, state.Spec?.Asset ?? default,
            null);

    // Each leg is said to fail; of openings alone, that they depend on something.
    private void SendFailedQuote(TrialRequest trial) => SendQuote(
        trial, inDoubt: trial.Part.Legs.All(static leg => leg.Transfer is null),
        [.. trial.Part.Legs.Where(static leg => leg.Transfer is not null).Select(static leg =>
            new LegFact(leg.Index) { Known = TransferStatus.DecisionFailed })]);
}
