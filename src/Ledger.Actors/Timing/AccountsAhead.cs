using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Event;

namespace Ledger.Actors.Timing;

/// <summary>Which accounts of this node are ahead of the ledger's clock (R21, T4), and how often what other nodes sent
/// was. Thread-safe.
/// </summary>
internal sealed class AccountsAhead
{
    private static readonly TimeSpan s_logEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_lately = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<AccountAddress, TimeSpan> accounts = new();
    private long dropped;
    private long droppedAt;
    private long loggedAt;

    /// <summary>The accounts.</summary>
    public ICollection<AccountAddress> Accounts => accounts.Keys;

    /// <summary>How many messages were dropped because they came from too far ahead.</summary>
    public long Dropped => Volatile.Read(ref dropped);

    /// <summary>Whether one was within the last minute.</summary>
    public bool HasDroppedLately =>
        Volatile.Read(ref droppedAt) is var at and not 0 && Stopwatch.GetElapsedTime(at) < s_lately;

    /// <summary>Notes how far an account is ahead.</summary>
    /// <param name="account">The account.</param>
    /// <param name="by">By how much; zero when it is not.</param>
    public void Note(AccountAddress account, TimeSpan by)
    {
        if (by > TimeSpan.Zero)
        {
            accounts[account] = by;
        }
        else
        {
            accounts.TryRemove(account, out _);
        }
    }

    /// <summary>Counts what was dropped, and says so now and then.</summary>
    public void CountDropped(long count, AccountAddress account, ILoggingAdapter log)
    {
        Interlocked.Add(ref dropped, count);
        var now = Stopwatch.GetTimestamp();
        Volatile.Write(ref droppedAt, now);
        var last = Volatile.Read(ref loggedAt);
        if ((last == 0 || Stopwatch.GetElapsedTime(last, now) > s_logEvery)
            && Interlocked.CompareExchange(ref loggedAt, now, last) == last)
        {
            log.Warning(
                "{Account} does not take what another account asks: it comes from more than a second ahead of this "
                + "node's ledger time. {Dropped} such messages so far. Look at the health of the nodes' clocks",
                account, Dropped);
        }
    }
}
