using System.Diagnostics;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ledger.Grpc.Errors;

/// <summary>Turns whatever a handler throws into an RpcException by the <see cref="ErrorMap"/>, and measures
/// calls.</summary>
internal sealed partial class ErrorInterceptor(
    CallDeadline clock, CallMetrics metrics, ILogger<ErrorInterceptor> logger, AccessAudit? audit = null)
    : Interceptor
{
    // The key of a bool: whether the handler was answered with a status of ours.
    private static readonly object HandlerKey = new();

    /// <summary>Whether the call of this request failed with a status by the <see cref="ErrorMap"/>.</summary>
    public static bool HasAnswered(HttpContext context) => context.Items[HandlerKey] is true;

    /// <summary>What a call failed of that failed without one: outside of its handler.</summary>
    public static RequestError Outside(HttpContext context) =>
        context.Items.ContainsKey(HandlerKey) ? ErrorMap.Unexpected : ErrorMap.Malformed;

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        MarkReached(context);
        var started = metrics.Start();
        var turns = context.GetHttpContext().Features.Get<CallerTurns>();
        var isPage = turns is not null && GrpcMethods.Of(context.Method).IsPage;
        var hasTurn = false;
        TResponse response;
        try
        {
            if (turns is not null)
            {
                // The message is whole: nobody holds a turn while it sends.
                await clock.EnterAsync(turns, context, isPage);
                hasTurn = true;
            }

            response = await continuation(request, context);
        }
        catch (Exception exception)
        {
            var failure = Translate(exception, context);
            metrics.Ended(context.Method, failure.StatusCode, started);
            throw failure;
        }
        finally
        {
            if (hasTurn)
            {
                turns!.Leave(isPage);
            }
        }

        metrics.Ended(context.Method, StatusCode.OK, started);
        return response;
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        MarkReached(context);
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception exception)
        {
            throw Translate(exception, context);
        }
    }

    /// <summary>The status for an exception; logs it if nobody expected it.</summary>
    public Google.Rpc.Status ToStatus(Exception exception, ServerCallContext context)
    {
        var cancelled = context.CancellationToken.IsCancellationRequested;
        if (ErrorMap.Explain(exception, clock.HasPassed(context), cancelled) is { } fault)
        {
            metrics.Refused(fault.Reason, context.Method);
            audit?.Refused(context.GetHttpContext(), fault, context.Method);
            return ErrorMap.ToStatus(fault);
        }

        var correlationId = Activity.Current?.TraceId.ToHexString() ?? context.GetHttpContext().TraceIdentifier;
        LogUnexpected(exception, context.Method, correlationId);
        return ToStatus(ErrorMap.Unexpected, correlationId);
    }

    /// <summary>The status for a fault, which is counted.</summary>
    public Google.Rpc.Status ToStatus(in RequestError fault, string? correlationId = null)
    {
        metrics.Refused(fault.Reason);
        return ErrorMap.ToStatus(fault, correlationId);
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        context.GetHttpContext().Items[HandlerKey] = true;
        return ToStatus(exception, context).ToRpcException();
    }

    private static void MarkReached(ServerCallContext context) => context.GetHttpContext().Items[HandlerKey] = false;

    [LoggerMessage(1, LogLevel.Error, "{Method} failed unexpectedly, correlation id {CorrelationId}")]
    private partial void LogUnexpected(Exception exception, string method, string correlationId);
}
