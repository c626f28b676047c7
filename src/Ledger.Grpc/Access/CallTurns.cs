using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Grpc.Edge;

namespace Ledger.Grpc.Access;

/// <summary>Keeps callers with many calls from having others wait: where a node is late, calls of whoever has more than
/// others are worked on by turns. A caller is a principal, or an address where nobody says who they are.
/// Thread-safe.</summary>
/// <remarks>
/// Late is a node whose work waits for a thread. How many calls may then be at work is found by trying: fewer while it
/// is late, more while it is not, and as many as there are once nothing waits. Where there is one caller, or all
/// have about as many calls, nobody is to be protected, and nothing waits.
/// </remarks>
internal sealed class CallTurns : IDisposable
{
    private const int None = int.MaxValue;
    private const double Memory = 0.8;
    private const double Less = 0.75;
    private const double Nearly = 0.99;
    private const double Little = 0.001;

    // So that one that hangs does not hold all others of its caller.
    private const int LeastTurns = 4;

    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_recent = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<object, CallerTurns> callers = new();
    private readonly TimeSpan latenessMax;
    private readonly ITimer timer;
    private readonly List<CallerTurns> seen = [];
    private int turns = None;
    private int isLooking;
    private long lookedAt = Stopwatch.GetTimestamp();

    public CallTurns(EdgeOptions options, TimeProvider time)
    {
        latenessMax = options.LatenessMax;

        // It also forgets callers that are gone, whether or not there are turns.
        var every = latenessMax > TimeSpan.Zero ? s_every : s_recent;
        timer = time.CreateTimer(static state => ((CallTurns)state!).Look(), this, every, every);
    }

    /// <summary>How many calls of those with many may be at work; null while that is not limited.</summary>
    public int? Turns => Volatile.Read(ref turns) is var now && now == None ? null : now;

    /// <summary>How many calls wait for their turn.</summary>
    public int Waiting => callers.Values.Sum(static one => one.Waiting);

    public void Dispose() => timer.Dispose();

    /// <summary>Those of one caller.</summary>
    internal CallerTurns Of(object who) => callers.GetOrAdd(who, static _ => new CallerTurns());

    /// <summary>Sets how many calls may be at work, by how late the node is.</summary>
    internal void Adjust(TimeSpan late)
    {
        seen.Clear();
        var (wanted, working, lightest) = (0.0, 0, double.MaxValue);
        foreach (var (who, caller) in callers)
        {
            if (caller.TryForget(s_recent))
            {
                callers.TryRemove(new(who, caller));
                continue;
            }

            if (latenessMax == TimeSpan.Zero)
            {
                continue;
            }

            // Operators and probes, which have no turns, are nobody to be protected or to wait.
            caller.Load = (Memory * caller.Load) + ((1 - Memory) * caller.Wanted);
            if (caller.Load > Little)
            {
                wanted += caller.Load;
                working += caller.Working;
                lightest = Math.Min(lightest, caller.Load);
                seen.Add(caller);
            }
            else
            {
                caller.Limit(None);
            }
        }

        // Whoever has fewer than there are on average has others wait the least, and waits for nobody. Where all have
        // about as many, nobody is to be protected.
        var average = wanted / Math.Max(1, seen.Count);
        var much = average * Nearly;
        var heavy = seen.Count(one => one.Load >= much);
        if (lightest > average / 2)
        {
            turns = None;
        }
        else if (late > latenessMax)
        {
            // What is at work at a moment may be little by chance.
            turns = Math.Max(heavy * LeastTurns, (int)(Math.Min(turns, Math.Max(working, wanted)) * Less));
        }
        else if (turns != None)
        {
            turns += Math.Max(1, turns / 16);
            turns = turns > 2 * (wanted + seen.Count) ? None : turns;
        }

        foreach (var caller in seen)
        {
            caller.Limit(turns == None || caller.Load < much ? None : Math.Max(LeastTurns, turns / heavy));
        }
    }

    // How long work waits for a thread is how late the node is; so is how late this is called, when all stand still for
    // a while, as they do when memory is collected.
    private void Look()
    {
        var now = Stopwatch.GetTimestamp();
        var behind = Stopwatch.GetElapsedTime(lookedAt, now) - s_every;
        lookedAt = now;
        if (Interlocked.Exchange(ref isLooking, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static state =>
                {
                    var (self, asked, behind) = state;
                    try
                    {
                        var waited = Stopwatch.GetElapsedTime(asked);
                        self.Adjust(waited > behind ? waited : behind);
                    }
                    finally
                    {
                        Volatile.Write(ref self.isLooking, 0);
                    }
                },
                (this, now, behind), preferLocal: false);
        }
    }
}
