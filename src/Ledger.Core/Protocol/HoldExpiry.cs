namespace Ledger.Core;

/// <summary>When the holds of an account expire (R12). Expiry is a void that the account starts itself; what is due
/// expires in the order of its time.</summary>
internal sealed class HoldExpiry(
    AccountState state, AccountTime clock, OperationTable operations, AccountMachineOptions options, IAccountHost host)
{
    // A look ahead of a minute: an account that sleeps by then is woken by the hold expiry.
    private static readonly TimeSpan s_horizon = TimeSpan.FromMinutes(1);

    // When expiries that were abandoned may be tried again.
    private Dictionary<TransferId, (LedgerTime Until, int Tries, TimeSpan Longest)>? pauses;

    // The deadline that the host was asked to wake for.
    private LedgerTime armedFor = LedgerTime.MaxValue;

    /// <summary>Whether a hold is due. By the account's own time, as posts and voids are judged: nodes whose clocks are
    /// apart must not part them.</summary>
    /// <param name="now">The time.</param>
    public bool IsAnyDue(LedgerTime now) => state.NextDeadline <= clock.JudgedAt(now);

    /// <summary>The holds that are due and whose void may begin now, in the order of their deadlines.</summary>
    /// <param name="now">The time.</param>
    /// <param name="displaced">What was waiting with one of their ids in hand, and has let go of it; null for
    /// nothing.</param>
    /// <returns>The holds; null for none.</returns>
    public IReadOnlyList<Hold>? Due(LedgerTime now, out List<Operation>? displaced)
    {
        displaced = null;
        var judged = clock.JudgedAt(now);
        if (state.NextDeadline > judged)
        {
            return null;
        }

        List<Hold>? due = null;
        foreach (var hold in state.DueHolds(judged))
        {
            if (operations.ExpiringCount + (due?.Count ?? 0) >= options.ExpiriesMax)
            {
                break;
            }

            if (IsPaused(hold, now))
            {
                continue;
            }

            var owner = operations.Find(hold.Transfer.Id);
            if (owner is null && operations.Find(hold.ExpiryId) is null)
            {
                (due ??= []).Add(hold);
            }
            else if (owner is { Phase: Waiting, IsExpiry: false })
            {
                // It may be waiting for this very expiry.
                operations.Unclaim(owner);
                (displaced ??= []).Add(owner);
                (due ??= []).Add(hold);
            }
        }

        return due;
    }

    /// <summary>The void of a hold that is due.</summary>
    /// <param name="hold">The hold.</param>
    public static Transfer VoidOf(Hold hold) => new(
        hold.ExpiryId, hold.Transfer.DebitAccount, hold.Transfer.CreditAccount, Amount.Zero, hold.Transfer.Code)
    {
        Asset = hold.Transfer.Asset,
        Kind = TransferKind.ExpireHold,
        HoldId = hold.Transfer.Id,
    };

    /// <summary>An expiry was abandoned. It pauses, ever longer, or it would try at every message.</summary>
    /// <param name="expiry">The id of the void.</param>
    /// <param name="now">The time.</param>
    /// <param name="longest">The longest pause.</param>
    public void Pause(TransferId expiry, LedgerTime now, TimeSpan longest)
    {
        var tries = pauses is not null && pauses.TryGetValue(expiry, out var before) ? before.Tries + 1 : 0;
        var until = now.Add(Backoff.Exponential(options.RetryAfter, longest, tries));
        (pauses ??= [])[expiry] = (until, tries, longest);
        host.WakeAt(until);
    }

    /// <summary>An expiry is over, or something else was committed.</summary>
    /// <param name="expiry">Its id.</param>
    public void Forget(TransferId expiry) => pauses?.Remove(expiry);

    /// <summary>The wake-up that was asked for has come, or is not to be relied on.</summary>
    public void Disarm() => armedFor = LedgerTime.MaxValue;

    /// <summary>Has the account woken for the next deadline, unless it is arranged already. What is due already, such
    /// as a hold that was extended into the past, is not begun in the middle of something else.</summary>
    /// <param name="now">The time.</param>
    public void Arm(LedgerTime now)
    {
        var next = state.NextDeadline;
        if (next >= armedFor || (next <= clock.JudgedAt(now) && !HasUnclaimedDue(now)))
        {
            return;
        }

        armedFor = next;
        host.WakeAt(next <= now ? now.Add(options.RetryAfterMax) : LedgerTime.Min(next, now.Add(s_horizon)));
    }

    /// <summary>The journal could not be asked about an id, which may be a hold that is due. Not at once: while the
    /// journal can't be read, it would fail again.</summary>
    /// <param name="now">The time.</param>
    public void ArmAfterFailedLookup(LedgerTime now)
    {
        Disarm();
        if (state.NextDeadline < LedgerTime.MaxValue)
        {
            host.WakeAt(LedgerTime.Max(state.NextDeadline, now.Add(options.RetryAfterMax)));
        }
    }

    private bool IsPaused(Hold hold, LedgerTime now) =>
        pauses is not null && pauses.TryGetValue(hold.ExpiryId, out var pause)
        && !Backoff.IsDue(pause.Until, now, pause.Longest);

    private bool HasUnclaimedDue(LedgerTime now)
    {
        if (operations.ExpiringCount >= options.ExpiriesMax)
        {
            return false;
        }

        foreach (var hold in state.DueHolds(clock.JudgedAt(now)))
        {
            if (operations.Find(hold.Transfer.Id) is null)
            {
                return true;
            }
        }

        return false;
    }
}
