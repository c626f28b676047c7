using System.Globalization;
using Ledger.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>What one principal holds of this node now, and has used of it today. Thread-safe.</summary>
/// <param name="itemsMax">How many transfers and other items it may have under way at once: half of what the node works
/// on.</param>
/// <param name="clock">The time by which days end.</param>
internal sealed class CallerUse(long itemsMax, TimeProvider clock)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();
    private long calls;
    private long streams;
    private long items;
    private long day;
    private long accountsToday;
    private long bytesBefore;

    /// <summary>The bytes of requests that it holds. How many it may is asked for at each call.</summary>
    public ByteBudget Bytes { get; } = new(long.MaxValue);

    /// <summary>Begins a call.</summary>
    /// <exception cref="RequestErrorException">It has as many as it may, or has used up its day.</exception>
    public void Enter(CallerShare share, bool isStream)
    {
        lock (gate)
        {
            RequireDay(share, 0);
            Require(calls + 1, share.Calls, "calls under way", s_soon);
            if (isStream)
            {
                Require(streams + 1, share.Streams, "open streams", s_soon);
                streams++;
            }

            calls++;
        }
    }

    /// <summary>Ends a call that was begun.</summary>
    public void Leave(bool isStream)
    {
        lock (gate)
        {
            calls--;
            streams -= isStream ? 1 : 0;
        }
    }

    /// <summary>Begins to work on items. What alone is more than its half is taken while it has nothing else.</summary>
    /// <exception cref="RequestErrorException">It has as many as it may.</exception>
    public void TakeItems(long count)
    {
        if (Interlocked.Add(ref items, count) is var now && now > itemsMax && now > count)
        {
            Interlocked.Add(ref items, -count);
            Require(now, itemsMax, "items under way, which is half of what the node works on", s_soon);
        }
    }

    /// <summary>Ends what was begun.</summary>
    public void ReturnItems(long count) => Interlocked.Add(ref items, -count);

    /// <summary>Counts accounts that are to be opened.</summary>
    /// <exception cref="RequestErrorException">It has used up its day.</exception>
    public void TakeAccounts(CallerShare share, long count)
    {
        lock (gate)
        {
            RequireDay(share, count);
            accountsToday += count;
        }
    }

    // An item of a stream asks for no accounts, and is asked whether the day is used up all the same.
    private void RequireDay(CallerShare share, long accounts)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var today = now.Ticks / TimeSpan.TicksPerDay;
        if (today > day)
        {
            (day, accountsToday, bytesBefore) = (today, 0, Bytes.Total);
        }

        var left = now.Date.AddDays(1) - now;
        Require(accountsToday + accounts, accounts > 0 ? share.AccountsPerDay : null, "accounts opened today", left);
        Require(Bytes.Total - bytesBefore, share.BytesPerDay, "bytes of requests today", left);
    }

    private static void Require(long wanted, long? most, string what, TimeSpan pause)
    {
        if (wanted > most)
        {
            throw new RequestError(
                ErrorReasons.Overloaded,
                $"The caller may have {most.Value.ToString(CultureInfo.InvariantCulture)} {what} on this node. "
                + "Nothing was applied. Send it again after a pause.", Limit: most)
            {
                RetryAfter = pause,
            }.Exception();
        }
    }
}
