namespace Ledger.Core;

/// <summary>What other accounts ask from further ahead than is believed (T6 of R21).</summary>
/// <remarks>
/// A wild clock must not drag other accounts along, and with them all holds' deadlines. A request from more than a
/// second ahead is no news for a while, and then none at all: it is neither journaled nor answered, since a last
/// agent's "no" would be for ever. Who sent it asks again. What is decided already is answered whatever the time.
/// </remarks>
internal sealed class FutureRequests(IAccountHost host)
{
    // More of them than senders repeat in that time, and not so many that memory suffers.
    private const int KeptMax = 1024;

    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(2);

    // By attempt, with the time until which each is kept.
    private Dictionary<TransferId, (AccountMessage Request, LedgerTime Time, LedgerTime Until)>? kept;

    /// <summary>How many requests and votes were dropped because their time stayed too far ahead of this node's. Either
    /// this node's clock is behind, or another's is ahead.</summary>
    public long Dropped { get; private set; }

    /// <summary>Whether a time is too far ahead.</summary>
    /// <param name="time">The time of a request.</param>
    /// <param name="now">The time.</param>
    public static bool IsAhead(LedgerTime time, LedgerTime now) => time > now.Add(AccountTime.AheadMax);

    /// <summary>Drops what can't wait until its time has come.</summary>
    /// <param name="time">Its time.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it was too far ahead.</returns>
    public bool TryDrop(LedgerTime time, LedgerTime now)
    {
        if (!IsAhead(time, now))
        {
            return false;
        }

        Dropped++;
        return true;
    }

    /// <summary>Keeps a request for a while if its time is too far ahead, or drops it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="key">The attempt that it is about.</param>
    /// <param name="time">Its time.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it was too far ahead, so that nothing is to be done now.</returns>
    public bool TryKeep(AccountMessage request, TransferId key, LedgerTime time, LedgerTime now)
    {
        if (!IsAhead(time, now))
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
            Dropped++;
            return true;
        }

        var until = now.Add(s_keptFor);
        kept.Add(key, (request, time, until));
        WakeFor(time, until);
        return true;
    }

    /// <summary>Takes off those whose time has come, and drops those that have been kept for long enough.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Those whose time has come.</returns>
    public IReadOnlyList<AccountMessage> TakeRipe(LedgerTime now)
    {
        if (kept is not { Count: > 0 })
        {
            return [];
        }

        List<AccountMessage>? ripe = null;
        foreach (var (key, (request, time, until)) in kept)
        {
            if (!IsAhead(time, now))
            {
                kept.Remove(key);
                (ripe ??= []).Add(request);
            }
            else if (until <= now)
            {
                kept.Remove(key);
                Dropped++;
            }
            else
            {
                WakeFor(time, until);
            }
        }

        return ripe ?? [];
    }

    // In microseconds, a request is taken when now + 1 s has reached its time.
    private void WakeFor(LedgerTime time, LedgerTime until)
    {
        var ripe = new LedgerTime(
            time.UnixMicroseconds - (AccountTime.AheadMax.Ticks / TimeSpan.TicksPerMicrosecond));
        host.WakeAt(LedgerTime.Min(ripe, until));
    }
}
