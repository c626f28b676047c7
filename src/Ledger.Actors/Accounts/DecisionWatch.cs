using System.Diagnostics;

namespace Ledger.Actors.Accounts;

/// <summary>Counts the decisions of this node's accounts that threw, which a defect of the ledger alone can cause
/// (R18).
/// Thread-safe.</summary>
internal sealed class DecisionWatch
{
    // As many are logged in a minute. What throws is sent again and again, and the first lines say it all.
    private const int LoggedMax = 10;

    // Long enough for a person to come and look.
    private static readonly TimeSpan s_memory = TimeSpan.FromMinutes(10);
    private readonly Lock guard = new();
    private long minute;
    private int logged;
    private long last;
    private long count;
    private string what = "";

    /// <summary>How many there were since the process began.</summary>
    public long Count
    {
        get
        {
            lock (guard)
            {
                return count;
            }
        }
    }

    /// <summary>What happened last, where that was in the last ten minutes; else null.</summary>
    public string? Recent
    {
        get
        {
            lock (guard)
            {
                return count > 0 && Stopwatch.GetElapsedTime(last) < s_memory ? what : null;
            }
        }
    }

    /// <summary>Counts one.</summary>
    /// <param name="about">What happened, in a sentence.</param>
    /// <returns>Whether it should be logged.</returns>
    public bool Failed(string about)
    {
        lock (guard)
        {
            count++;
            what = about;
            last = Stopwatch.GetTimestamp();
            var now = last / Stopwatch.Frequency / 60;
            if (now != minute)
            {
                minute = now;
                logged = 0;
            }

            return ++logged <= LoggedMax;
        }
    }
}
