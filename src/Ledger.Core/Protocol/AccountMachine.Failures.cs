namespace Ledger.Core;

/// <content>Decisions that throw (R18).</content>
internal sealed partial class AccountMachine
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

    private bool IsRefusal(Exception thrown, long changesBefore) =>
        rows.Changes == changesBefore && thrown is not OutOfMemoryException;

    private void Begin(Operation operation, LedgerTime now)
    {
        var before = rows.Changes;
        try
        {
            LookUp(operation, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            GiveUp(operation, e, now);
        }
    }

    private void Continue(Operation operation, LedgerTime now)
    {
        var before = rows.Changes;
        try
        {
            Decide(operation, now);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            GiveUp(operation, e, now);
        }
    }

    private void Route(AccountMessage input, LedgerTime now)
    {
        var before = rows.Changes;
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
        TransactionBranch branch, Dictionary<TransferId, IdHistory?>? known, Operation? operation, AccountMessage input, LedgerTime at)
    {
        var before = rows.Changes;
        try
        {
            return Verify(branch, known, operation, at);
        }
        catch (Exception e) when (IsRefusal(e, before) && branch.Legs.Length > 0)
        {
            host.DecisionFailed(input, e);
            return new LegDecision(TransferStatus.DecisionFailed, branch.Legs[0]);
        }
    }

    private Refusal? SelectRejectionOrFailure(Operation operation, CommitResponse answer)
    {
        var before = rows.Changes;
        try
        {
            return SelectRejection(operation, answer.Refusal);
        }
        catch (Exception e) when (IsRefusal(e, before))
        {
            host.DecisionFailed(answer, e);
            return FailureOf(operation.Branch!);
        }
    }

    // What was being decided is taken off, and who asked for it is refused; those who waited for it are decided by
    // themselves.
    private void GiveUp(Operation operation, Exception thrown, LedgerTime now)
    {
        if (operation.IsClaimed)
        {
            operations.Unclaim(operation);
        }

        switch (operation.Input)
        {
            case AccountRequest call:
                host.DecisionFailed(call, thrown);
                if (operation.HasFirst)
                {
                    rows.SendWhenDurable(((AccountRequest)operation.Waiters[0]).ReplyTo, new RequestFailed(RequestFailure.DecisionFailed));
                    operation.Waiters.RemoveAt(0);
                }

                break;
            case null:
                host.DecisionFailed(null, thrown);
                if (operation.IsExpiry)
                {
                    expiry.Pause(operation.Asked!.Id, now, options.FailedExpiryPauseMax);
                }

                break;
            default:
                Refuse(operation.Input, thrown, now);
                break;
        }

        RouteAgain(operation.Waiters, now);
    }

    private void Refuse(AccountMessage input, Exception thrown, LedgerTime now)
    {
        host.DecisionFailed(input, thrown);
        switch (input)
        {
            case AccountRequest call:
                rows.SendWhenDurable(call.ReplyTo, new RequestFailed(RequestFailure.DecisionFailed));
                break;
            case PrepareRequest prepare:
                // The last agent decides, whatever this account has journaled of it.
                SendVote(prepare.Branch, VoteKind.No, FailureOf(prepare.Branch), now);
                break;
            case DryRunRequest dryRun:
                SendFailedReport(dryRun);
                break;
            default:
                break;
        }
    }

    private Refusal FailureOf(TransactionBranch branch) => new(
        branch.Legs.Length > 0 ? branch.Legs[0].Index : 0, TransferStatus.DecisionFailed, state.Spec?.Asset ?? default,
            null);

    // Each leg is said to fail; of openings alone, that they depend on something.
    private void SendFailedReport(DryRunRequest dryRun) => SendReport(
        dryRun, inDoubt: dryRun.Branch.Legs.All(static leg => leg.Transfer is null),
        [.. dryRun.Branch.Legs.Where(static leg => leg.Transfer is not null).Select(static leg =>
            new LegContext(leg.Index) { Known = TransferStatus.DecisionFailed })]);
}
