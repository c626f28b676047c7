namespace Ledger.Core;

/// <summary>The account's own time (R21).</summary>
/// <remarks>
/// Each input brings the ledger time of the node that it arrives at, "now". It is monotone on a node, and nodes are
/// some milliseconds apart; a journal may have been written by a node that was further ahead.
/// The account judges by its own time: <c>max(now, min(last event, now + 1 s))</c>. It never goes back when the account
/// moves to a node that is a little behind; and a last event that lies days ahead, after a clock was wrong, moves it by
/// a second only. It books events at the later of that and the last event, so that a stream never runs backwards.
/// </remarks>
internal readonly struct AccountTime(AccountState state, AccountMachineOptions options)
{
    /// <summary>How far the times of two nodes, or of a stream and its node, may be apart before it counts as a
    /// fault.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromSeconds(1);

    /// <summary>How far the account's last event is ahead of the node's time, where that is more than
    /// <see cref="AheadMax"/>; else zero. Such an account works on by the node's time, and its rows go on from where
    /// they are.</summary>
    /// <param name="now">The time.</param>
    public TimeSpan AheadBy(LedgerTime now) => state.LastTime > now.Add(AheadMax)
        ? TimeSpan.FromMicroseconds(state.LastTime.UnixMicroseconds - now.UnixMicroseconds)
        : TimeSpan.Zero;

    /// <summary>By what deadlines, freezes and expiries are judged, new deadlines are counted from, and transactions
    /// are committed at.</summary>
    /// <param name="now">The time.</param>
    public LedgerTime JudgedAt(LedgerTime now)
    {
        if (state.LastTime <= now)
        {
            return now;
        }

        var most = now.Add(AheadMax);
        return state.LastTime < most ? state.LastTime : most;
    }

    /// <summary>The same for what another account has asked: what it did before must not seem later than what this does
    /// for it.</summary>
    /// <param name="now">The time.</param>
    /// <param name="received">The other account's time.</param>
    public LedgerTime JudgedAt(LedgerTime now, LedgerTime received) => LedgerTime.Max(JudgedAt(now), received);

    /// <summary>When an event is booked.</summary>
    /// <param name="now">The time.</param>
    public LedgerTime BookedAt(LedgerTime now) => LedgerTime.Max(now, state.LastTime);

    /// <summary>The same for what another account has asked, or decided.</summary>
    /// <param name="now">The time.</param>
    /// <param name="received">The other account's time.</param>
    public LedgerTime BookedAt(LedgerTime now, LedgerTime received) => LedgerTime.Max(BookedAt(now), received);

    /// <summary>Doubt that is as old as this may be what a client was told the end of, or will not end soon.</summary>
    /// <param name="at">The time.</param>
    public LedgerTime OldDoubtUpTo(LedgerTime at) =>
        new(BookedAt(at).UnixMicroseconds - (options.OldDoubtAfter.Ticks / TimeSpan.TicksPerMicrosecond));
}
