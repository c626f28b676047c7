using System.Globalization;
using Ledger.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Http;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>Counts the calls that are under way, of each caller and of all, and refuses those beyond what there may be.
/// A caller is a principal, or an address where nobody says who they are. Thread-safe.</summary>
internal sealed class CallCounts(EdgeOptions options, CallMetrics metrics, CallTurns turns)
{
    private const string AdminPrefix = "/ledger.v1.AdminService/";
    private const int StreamWeight = 4;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly int callsMax = options.Calls;
    private readonly int callsPerCallerMax = options.CallsPerCaller;
    private int open;

    /// <summary>The refusal of a call beyond what there may be.</summary>
    public static RequestError TooMany(long max, string whose) => new(
        ErrorReasons.Overloaded,
        $"The node takes {max.ToString(CultureInfo.InvariantCulture)} calls {whose} at once (Ledger:Edge). Nothing "
        + "was applied. Send it again after a pause.", Limit: max)
    {
        RetryAfter = s_pause,
    };

    /// <summary>Wraps an endpoint where it is known who calls and that it may: before anything of its body is
    /// read.</summary>
    /// <param name="next">What it does.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate Wrap(RequestDelegate next, string method, bool isJson)
    {
        // Operators and questions about health get in, however many calls there are.
        var isVital = method.StartsWith(AdminPrefix, StringComparison.Ordinal) || !GrpcMethods.IsMethod(method);

        // A stream holds channels and loops of its own for as long as it is open.
        var weight = !isJson && GrpcMethods.Of(method).IsStream ? StreamWeight : 1;
        return context => RunAsync(context, next, isJson, isVital, weight);
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
        HttpContext context, RequestDelegate next, bool isJson, bool isVital, int weight)
    {
        CallerTurns caller;
        try
        {
            caller = Open(context, isVital, weight);
        }
        catch (RequestErrorException refusal)
        {
            await CallRefusal.AnswerAsync(
                context, metrics, refusal.Fault, isJson, StatusCodes.Status429TooManyRequests);
            return;
        }

        try
        {
            if (!isVital)
            {
                // It has a turn once its message is whole; each item of a stream has one.
                context.Features.Set(caller);
            }

            await next(context);
        }
        finally
        {
            caller.Close(weight);
            Interlocked.Add(ref open, -weight);
        }
    }

    private CallerTurns Open(HttpContext context, bool isVital, int weight)
    {
        var before = Interlocked.Add(ref open, weight) - weight;
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
                var caller = turns.Of(who);
                try
                {
                    if (caller.TryOpen(max, weight))
                    {
                        return caller;
                    }
                }
                catch (RequestErrorException) when (caller.IsRefusedTooOften)
                {
                    // Each refusal is work. Its other connections end in the same way.
                    context.Features.Get<ConnectionBudget>()?.Abort?.Invoke();
                    throw;
                }
            }
        }
        catch
        {
            Interlocked.Add(ref open, -weight);
            throw;
        }
    }
}
