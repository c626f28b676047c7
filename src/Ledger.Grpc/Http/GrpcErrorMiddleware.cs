using System.Globalization;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Http;

/// <summary>Has the messages of gRPC calls read through a <see cref="MessageIntake"/>, and gives an ErrorInfo to the
/// calls that it or the gRPC server itself refuses: a message that is too large or can't be read, an unknown method.
/// They are over before an interceptor sees them.</summary>
internal sealed class GrpcErrorMiddleware(RequestDelegate next, CallMetrics metrics, EdgeWall wall)
{
    private const string OwnPrefix = "/ledger.v1.";
    private const string StandardPrefix = "/grpc.";
    private const string StatusTrailer = "grpc-status";
    private const string TimeoutHeader = "grpc-timeout";

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            context.Features.Get<ConnectionBudget>()?.BrokeOff();
            return;
        }

        var path = context.Request.Path.Value ?? "";
        if (path.StartsWith(OwnPrefix, StringComparison.OrdinalIgnoreCase) && !GrpcMethods.IsMethod(path))
        {
            metrics.Refused(ErrorReasons.MethodNotFound, path);
            GrpcRefusal.Answer(context, new RequestError(ErrorReasons.MethodNotFound, "There is no such method."));
            return;
        }

        var intake = MessageIntake.Open(wall, context);
        if (context.Request.Headers.ContainsKey(TimeoutHeader)
            && context.Features.Get<IHttpResponseBodyFeature>() is { } body)
        {
            // When the deadline passes, the gRPC server ends the call at once, while its handler still runs.
            context.Features.Set<IHttpResponseBodyFeature>(new ExplainedEnd(body, () => Explain(context, intake)));
        }

        try
        {
            await next(context);
        }
        finally
        {
            intake.Close();
        }

        if (!context.RequestAborted.IsCancellationRequested)
        {
            Explain(context, intake);
        }
    }

    private void Explain(HttpContext context, MessageIntake intake)
    {
        // A call that failed before its first response has its trailers in the headers.
        var path = context.Request.Path.Value ?? "";
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var refused = Find(context.Response.HasStarted ? null : context.Response.Headers) ?? Find(trailers);
        if (refused is not null
            && (intake.Fault is not null || path.StartsWith(OwnPrefix, StringComparison.Ordinal)
                || IsOfNobody(context, refused)
                || (path.StartsWith(StandardPrefix, StringComparison.OrdinalIgnoreCase) && IsUnread(refused))))
        {
            Answer(context, refused, intake.Fault, path);
        }
    }

    // The gRPC server answers itself where no service has such a path.
    private static bool IsOfNobody(HttpContext context, IHeaderDictionary refused) =>
        CodeOf(refused) == StatusCode.Unimplemented
        && context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is null;

    // Services of others have their own errors. Those of health and reflection answer a message that can't be read with
    // UNKNOWN or INTERNAL, which would be a defect of the server.
    private static bool IsUnread(IHeaderDictionary headers) =>
        CodeOf(headers) is StatusCode.Unknown or StatusCode.Internal;

    private static StatusCode? CodeOf(IHeaderDictionary headers) => headers[StatusTrailer] is [{ } text]
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code)
            ? (StatusCode)code
            : null;

    /// <summary>The headers of a refusal that has no details and can still get some.</summary>
    private static IHeaderDictionary? Find(IHeaderDictionary? headers) =>
        headers is { IsReadOnly: false }
            && headers.TryGetValue(StatusTrailer, out var status) && status is [{ } text] && text is not "0"
            && !headers.ContainsKey(ErrorMap.DetailsTrailer)
            ? headers
            : null;

    private void Answer(HttpContext context, IHeaderDictionary headers, RequestError? refused, string path)
    {
        var fault = refused ?? (CodeOf(headers), ErrorInterceptor.Outside(context)) switch
        {
            (StatusCode.Unimplemented, _) => new RequestError(ErrorReasons.MethodNotFound, "There is no such method."),
            (StatusCode.Cancelled, _) => new RequestError(ErrorReasons.Cancelled, "The call was cancelled."),
            (StatusCode.DeadlineExceeded, _) => new RequestError(ErrorReasons.DeadlineExceeded, "The deadline passed."),

            // Before the handler it is the request that is too large; after it, the response, and a write was applied.
            (StatusCode.ResourceExhausted, { Reason: var reason }) when reason == ErrorReasons.MalformedRequest =>
                ErrorMap.TooLarge,
            (_, var outside) => outside,
        };
        metrics.Refused(fault.Reason, path);
        GrpcRefusal.Write(headers, fault);
    }
}
