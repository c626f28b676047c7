using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Ledger.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Http;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>Keeps callers with many calls from having others wait: where a node is late, calls of whoever has more than
/// others are worked on by turns. A caller is a principal, or an address where nobody says who they are.
/// Thread-safe.</summary>
/// <remarks>
/// Late is a node whose work waits for a thread. How many calls may then be at work is found by trying: fewer while it
/// is late, more while it is not, and as many as there are once nothing waits. Where there is one caller, nobody is to
/// be protected from it, and nothing waits. Nobody is asked to wait who has no more than others.
/// </remarks>
internal sealed class CallTurns : IDisposable
{
    private const int None = int.MaxValue;
    private const string AdminPrefix = "/ledger.v1.AdminService/";
    private const double Memory = 0.8;
    private const double Less = 0.75;
    private const double Nearly = 0.99;

    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_recent = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<object, CallerTurns> callers = new();
    private readonly TimeSpan latenessMax;
    private readonly int callsMax;
    private readonly int callsPerCallerMax;
    private readonly CallMetrics metrics;
    private readonly ITimer timer;
    private readonly List<CallerTurns> seen = [];
    private int open;
    private int turns = None;
    private int isLooking;
    private long lookedAt = Stopwatch.GetTimestamp();

    public CallTurns(EdgeOptions options, CallMetrics metrics, TimeProvider time)
    {
        this.metrics = metrics;
        (latenessMax, callsMax, callsPerCallerMax) = (options.LatenessMax, options.Calls, options.CallsPerCaller);

        // It also forgets callers that are gone, whether or not there are turns.
        var every = latenessMax > TimeSpan.Zero ? s_every : s_recent;
        timer = time.CreateTimer(static state => ((CallTurns)state!).Look(), this, every, every);
    }

    /// <summary>How many calls of those with many may be at work; null while that is not limited.</summary>
    public int? Turns => Volatile.Read(ref turns) is var now && now == None ? null : now;

    /// <summary>The refusal of a call beyond what there may be.</summary>
    public static RequestError TooMany(long max, string whose) => new(
        ErrorReasons.Overloaded,
        $"The node takes {max.ToString(CultureInfo.InvariantCulture)} calls {whose} at once (Ledger:Edge). Nothing "
        + "was applied. Send it again after a pause.", Limit: max)
    {
        RetryAfter = s_every * 5,
    };

    /// <summary>Wraps an endpoint where it is known who calls and that it may: before anything of its body is
    /// read.</summary>
    /// <param name="next">What it does.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate Wrap(RequestDelegate next, string method, bool isJson)
    {
        // Of others' methods, as of health, it is not known which are streams: they are counted and have no turns.
        var isStream = !isJson && (GrpcMethods.Of(method).IsStream || !GrpcMethods.IsMethod(method));

        // An operator gets in, and whether a node is well is told, however many calls there are.
        var isVital = method.StartsWith(AdminPrefix, StringComparison.Ordinal) || !GrpcMethods.IsMethod(method);
        return context => RunAsync(context, next, isStream, isJson, isVital);
    }

    public void Dispose() => timer.Dispose();

    /// <summary>Those of one caller.</summary>
    internal CallerTurns Of(object who) => callers.GetOrAdd(who, static _ => new CallerTurns());

    /// <summary>Sets how many calls may be at work, by how late the node is.</summary>
    internal void Adjust(TimeSpan late)
    {
        seen.Clear();
        var (wanted, working) = (0.0, 0);
        foreach (var (who, caller) in callers)
        {
            if (caller.TryForget(s_recent))
            {
                callers.TryRemove(new(who, caller));
                continue;
            }

            caller.Load = (Memory * caller.Load) + ((1 - Memory) * caller.Wanted);
            wanted += caller.Load;
            working += caller.Working;
            seen.Add(caller);
        }

        if (seen.Count < 2)
        {
            turns = None;
        }
        else if (latenessMax > TimeSpan.Zero && late > latenessMax)
        {
            turns = Math.Max(1, (int)(Math.Min(turns, working) * Less));
        }
        else if (turns != None)
        {
            // Slowly: what was too much a moment ago is soon too much again.
            turns = ++turns > 2 * (wanted + seen.Count) ? None : turns;
        }

        // Whoever has fewer than there are on average has others wait the least, and waits for nobody.
        var average = wanted / Math.Max(1, seen.Count) * Nearly;
        var heavy = seen.Count(one => one.Load >= average);
        foreach (var caller in seen)
        {
            caller.Limit(turns == None || caller.Load < average ? None : Math.Max(1, turns / heavy));
        }
    }

    private static object CallerOf(HttpContext context)
    {
        if (context.Features.Get<Caller>() is { } caller)
        {
            return caller.Principal;
        }

        return PeerNetwork.Of(context.Connection.RemoteIpAddress);
    }

    private async Task RunAsync(
        HttpContext context, RequestDelegate next, bool isStream, bool isJson, bool isVital)
    {
        CallerTurns caller;
        try
        {
            caller = Open(context, isVital);
        }
        catch (RequestErrorException refusal)
        {
            await CallRefusal.AnswerAsync(
                context, metrics, refusal.Fault, isJson, StatusCodes.Status429TooManyRequests);
            return;
        }

        try
        {
            if (isStream)
            {
                // Its items have a turn each.
                context.Features.Set(caller);
                await next(context);
                return;
            }

            try
            {
                await caller.EnterAsync(context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                return; // Nobody waits for an answer any more.
            }

            try
            {
                await next(context);
            }
            finally
            {
                caller.Leave();
            }
        }
        finally
        {
            caller.Close();
            Interlocked.Decrement(ref open);
        }
    }

    private CallerTurns Open(HttpContext context, bool isVital)
    {
        var before = Interlocked.Increment(ref open) - 1;
        try
        {
            if (before >= callsMax && !isVital)
            {
                throw TooMany(callsMax, "of all callers").Exception();
            }

            // Nobody has more than is free: some always is, however many callers come together.
            var free = isVital ? callsPerCallerMax : Math.Max(1, callsMax - before);
            var max = Math.Min(callsPerCallerMax, free);
            var who = CallerOf(context);
            while (true)
            {
                var caller = Of(who);
                if (caller.TryOpen(max))
                {
                    return caller;
                }
            }
        }
        catch
        {
            Interlocked.Decrement(ref open);
            throw;
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
