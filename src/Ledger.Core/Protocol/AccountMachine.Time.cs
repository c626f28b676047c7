namespace Ledger.Core;

/// <content>Time (R21).</content>
/// <remarks>
/// Each input brings the ledger time of the node that it arrives at, "now". It is monotone on a node, and nodes are
/// some milliseconds apart; a journal may have been written by a node that was further ahead.
/// The account judges by its own time: <c>max(now, min(last event, now + 1 s))</c>. It never goes back when the account
/// moves to a node that is a little behind; and a last event that lies days ahead, after a clock was wrong, moves it by
/// a second only. It books events at the later of that and the last event, so that a stream never runs backwards.
/// </remarks>
internal sealed partial class AccountMachine
{
    /// <summary>How far the times of two nodes, or of a stream and its node, may be apart before it counts as a
    /// fault.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(2);

    // More of them than senders repeat in that time, and not so many that memory suffers.
    private const int KeptMax = 1024;

    // Requests of other accounts from further ahead than is believed, by attempt, with the time until which each is
    // kept.
    private Dictionary<TransferId, (AccountMessage Request, LedgerTime Time, LedgerTime Until)>? kept;

    /// <summary>How many requests and votes of other accounts were dropped because their time stayed too far ahead of
    /// this node's (T6 of R21). Either this node's clock is behind, or another's is ahead.</summary>
    public long DroppedAhead { get; private set; }

    /// <summary>How far the account's last event is ahead of the node's time, where that is more than
    /// <see cref="AheadMax"/>; else zero. Such an account works on by the node's time, and its rows go on from where
    /// they are.</summary>
    /// <param name="now">The time.</param>
    public TimeSpan AheadBy(LedgerTime now) => state.LastTime > now.Add(AheadMax)
        ? TimeSpan.FromMicroseconds(state.LastTime.UnixMicroseconds - now.UnixMicroseconds)
        : TimeSpan.Zero;

    // By what deadlines, freezes and expiries are judged, new deadlines are counted from, and transactions are
    // committed at.
    private LedgerTime JudgedAt(LedgerTime now)
    {
        if (state.LastTime <= now)
        {
            return now;
        }

        var most = now.Add(AheadMax);
        return state.LastTime < most ? state.LastTime : most;
    }

    // The same for what another account has asked: what it did before must not seem later than what this does for it.
    private LedgerTime JudgedAt(LedgerTime now, LedgerTime received) => Latest(JudgedAt(now), received);

    // When an event is booked.
    private LedgerTime BookedAt(LedgerTime now) => Latest(now, state.LastTime);

    private LedgerTime BookedAt(LedgerTime now, LedgerTime received) => Latest(BookedAt(now), received);

    private static LedgerTime Latest(LedgerTime one, LedgerTime other) => one > other ? one : other;

    // ---------------------------------------------------------------- pauses

    private void ScheduleResend(Operation operation, LedgerTime now)
    {
        operation.ResendAt = now.Add(
            Backoff.Exponential(options.ResendAfter, options.ResendAfterMax, operation.Resends++));
        host.WakeAt(operation.ResendAt);
    }

    private static bool AnyoneWaits(Operation operation, LedgerTime now)
    {
        foreach (var waiter in operation.Waiters)
        {
            if (waiter is not AccountRequest call || call.Deadline >= now)
            {
                return true;
            }
        }

        return operation.IsExpiry;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var operation in OperationsOf())
        {
            if (operation.Phase != Phase.LookingUp && operation.ResendAt < next)
            {
                next = operation.ResendAt;
            }

            if (operation.Phase == Phase.Releasing && operation.AnswerBy < next)
            {
                next = operation.AnswerBy;
            }
        }

        next = Earlier(Earlier(next, rows.RecordCommitsAt), nextReader);
        if (next < LedgerTime.MaxValue)
        {
            host.WakeAt(next);
        }
    }

    // T6: a wild clock must not drag other accounts along, and with them all holds' deadlines. A request from more than
    // a second ahead is no news for a while, and then none at all: it is neither journaled nor answered, since a last
    // agent's "no" would be for ever. Who sent it asks again. What is decided already is answered whatever the time.
    private bool Keep(AccountMessage request, TransferId key, LedgerTime time, LedgerTime now)
    {
        if (time <= now.Add(AheadMax))
        {
            return false;
        }

        kept ??= [];
        if (kept.TryGetValue(key, out var before))
        {
            // A copy waits no longer than the first.
            kept[key] = (request, time, before.Until);
            return true;
        }

        if (kept.Count >= KeptMax)
        {
            DroppedAhead++;
            return true;
        }

        var until = now.Add(s_keptFor);
        kept.Add(key, (request, time, until));
        WakeForKept(time, until);
        return true;
    }

    // In microseconds, a request is taken when now + 1 s has reached its time.
    private void WakeForKept(LedgerTime time, LedgerTime until)
    {
        var ripe = new LedgerTime(time.UnixMicroseconds - (AheadMax.Ticks / TimeSpan.TicksPerMicrosecond));
        host.WakeAt(ripe < until ? ripe : until);
    }

    private void TakeKept(LedgerTime now)
    {
        if (kept is not { Count: > 0 })
        {
            return;
        }

        List<AccountMessage>? ripe = null;
        foreach (var (key, (request, time, until)) in kept)
        {
            if (time <= now.Add(AheadMax))
            {
                kept.Remove(key);
                (ripe ??= []).Add(request);
            }
            else if (until <= now)
            {
                kept.Remove(key);
                DroppedAhead++;
            }
            else
            {
                WakeForKept(time, until);
            }
        }

        RouteAgain(ripe ?? [], now);
    }
}
