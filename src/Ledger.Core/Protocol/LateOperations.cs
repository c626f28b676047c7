namespace Ledger.Core;

/// <summary>Operations for which something has been missing for long: it is asked for again, for ever where something
/// is prepared (R5), and as long as somebody waits where nothing is.</summary>
internal readonly struct LateOperations(AccountParts account)
{
    /// <summary>When the first of them is late; the largest time for none.</summary>
    public LedgerTime NextDue
    {
        get
        {
            var next = LedgerTime.MaxValue;
            foreach (var operation in account.Operations.All)
            {
                if (operation.Phase is not LookingUp)
                {
                    next = LedgerTime.Min(next, operation.ResendAt);
                }

                if (operation.Phase is Releasing { AnswerBy: var by })
                {
                    next = LedgerTime.Min(next, by);
                }
            }

            return next;
        }
    }

    /// <summary>Goes on with those that are late.</summary>
    /// <param name="now">The time.</param>
    public void Resume(LedgerTime now)
    {
        List<Operation>? late = null;
        foreach (var operation in account.Operations.All)
        {
            if (IsLate(operation, now))
            {
                (late ??= []).Add(operation);
            }
        }

        foreach (var operation in late ?? [])
        {
            if (operation.IsClaimed)
            {
                ResumeNowOrLater(operation, now);
            }
        }
    }

    private bool IsLate(Operation operation, LedgerTime now) => operation.Phase switch
    {
        LookingUp => false,
        Waiting or DryRunning => true,
        Releasing releasing when IsAnswerDue(releasing, now) => true,
        _ => IsResendDue(operation, now),
    };

    private bool IsResendDue(Operation operation, LedgerTime now) =>
        Backoff.IsDue(operation.ResendAt, now, account.Options.ResendAfterMax);

    private bool IsAnswerDue(Releasing releasing, LedgerTime now) =>
        Backoff.IsDue(releasing.AnswerBy, now, account.Options.ReleaseWait);

    // What throws is tried again (R18).
    private void ResumeNowOrLater(Operation operation, LedgerTime now)
    {
        var before = account.Rows.Changes;
        try
        {
            Resume(operation, now);
        }
        catch (Exception e) when (account.Rows.MayBeRefused(e, before))
        {
            account.Host.DecisionFailed(operation.Input, e);
            if (operation.IsClaimed)
            {
                account.Runner.ScheduleResend(operation, now);
            }
        }
    }

    private void Resume(Operation operation, LedgerTime now)
    {
        switch (operation.Phase)
        {
            case DryRunning or Waiting when !operation.IsAwaited(now):
                Forget(operation, now);
                break;
            case Waiting when Backoff.IsDue(operation.ResendAt, now, account.Options.RetryAfterMax):
                account.Runner.Begin(operation, now);
                break;
            case DryRunning running when IsResendDue(operation, now):
                account.Coordinator.RepeatDryRun(operation, running, now);
                break;
            case Voting voting:
                account.Protocol.RequestVotes(operation, voting, now);
                break;
            case Committing committing:
                // Its own row may still be under way (R8).
                account.Protocol.SendCommit(operation, committing, now);
                break;
            case Releasing releasing when IsAnswerDue(releasing, now):
                // A participant that is not told asks.
                account.Protocol.FinishAbort(operation, releasing, now);
                break;
            case Releasing releasing when IsResendDue(operation, now):
                account.Protocol.Notify(operation, releasing, now);
                break;
            case Notifying notifying when IsResendDue(operation, now):
                account.Protocol.Notify(operation, notifying, now);
                break;
            case Reserved reserved:
                account.Participant.AskOutcome(operation, reserved, now);
                break;
            default:
                break;
        }
    }

    // Nothing was journaled, so the callers' outcome is unknown to them and "nothing" in truth. An expiry that waits
    // starts again by itself.
    private void Forget(Operation operation, LedgerTime now)
    {
        account.Operations.Unclaim(operation);
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is AccountRequest)
            {
                account.Requests.End();
            }
        }

        account.Runner.RouteAgain(operation.Waiters.Where(static waiter => waiter is not AccountRequest), now);
    }
}
