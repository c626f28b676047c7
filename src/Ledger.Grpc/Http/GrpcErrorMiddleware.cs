using System.Globalization;
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
    private const string StatusTrailer = "grpc-status";

    public async Task InvokeAsync(HttpContext context)
    {
        var intake = MessageIntake.Open(wall, context);
        try
        {
            await next(context);
        }
        finally
        {
            intake.Close();
        }

        // Services of others have their own errors.
        var path = context.Request.Path.Value ?? "";
        if (intake.Fault is null && !path.StartsWith(OwnPrefix, StringComparison.Ordinal))
        {
            return;
        }

        // A call that failed before its first response has its trailers in the headers.
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var refused = Find(context.Response.HasStarted ? null : context.Response.Headers) ?? Find(trailers);
        if (refused is not null && !context.RequestAborted.IsCancellationRequested)
        {
            Answer(context, refused, intake.Fault, path);
        }
    }

    /// <summary>The headers of a refusal that has no details and can still get some.</summary>
    private static IHeaderDictionary? Find(IHeaderDictionary? headers) =>
        headers is { IsReadOnly: false }
            && headers.TryGetValue(StatusTrailer, out var status) && status is [{ } text] && text is not "0"
            && !headers.ContainsKey(ErrorMap.DetailsTrailer)
            ? headers
            : null;

    private void Answer(HttpContext context, IHeaderDictionary headers, RequestError? refused, string path)
    {
        var code = int.Parse(headers[StatusTrailer].ToString(), NumberStyles.None, CultureInfo.InvariantCulture);
        var fault = refused ?? ((StatusCode)code, ErrorInterceptor.Outside(context)) switch
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
