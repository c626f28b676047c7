using System.Collections.Concurrent;
using Ledger.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>How much of this node each principal of the policy holds. Thread-safe.</summary>
/// <remarks>Principals are those of a policy, so that what is kept is bounded.</remarks>
internal sealed class CallerUses(ShareOptions options, TimeProvider clock, CallMetrics metrics)
{
    private readonly ShareOptions options = options;
    private readonly TimeProvider clock = clock;
    private readonly ConcurrentDictionary<string, CallerUse> uses = new(StringComparer.Ordinal);

    /// <summary>That of one principal.</summary>
    public CallerUse Of(string principal) =>
        uses.GetOrAdd(
            principal, static (_, self) => new CallerUse(Math.Max(1, self.options.NodeCallsMax / 2), self.clock), this);

    /// <summary>Wraps an endpoint where it is known who calls and that it may: before anything of its body is
    /// read.</summary>
    /// <param name="next">What it does.</param>
    /// <param name="method">The path of its method, as gRPC has it.</param>
    /// <param name="policies">Where the policy is.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    public RequestDelegate Wrap(RequestDelegate next, string method, IAccessPolicySource policies, bool isJson)
    {
        var isStream = !isJson && GrpcMethods.Of(method).IsStream;
        return context => context.Features.Get<Caller>() is { } caller
            && policies.Current.ShareOf(caller.Principal) is { } share
            ? RunAsync(context, next, Of(caller.Principal), share, isStream, isJson)
            : next(context);
    }

    private async Task RunAsync(
        HttpContext context, RequestDelegate next, CallerUse use, CallerShare share, bool isStream, bool isJson)
    {
        try
        {
            use.Enter(share, isStream);
        }
        catch (RequestErrorException refusal)
        {
            await CallRefusal.AnswerAsync(
                context, metrics, refusal.Fault, isJson, StatusCodes.Status429TooManyRequests);
            return;
        }

        try
        {
            if (share.InFlightBytes is not null || share.BytesPerDay is not null)
            {
                // On top of what the connection may hold.
                var connection = context.Features.Get<ConnectionBudget>();
                context.Features.Set(new ConnectionBudget(
                    new ByteBudget(long.MaxValue, connection?.Bytes, use.Bytes, share.InFlightBytes ?? long.MaxValue),
                    connection?.IsForHealth ?? false));
                context.Features.Get<MessageIntake>()?.UseBudgetOf(context);
            }

            await next(context);
        }
        finally
        {
            use.Leave(isStream);
        }
    }
}
