using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Ledger.Core;
using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Edge;

/// <summary>Around the JSON form of each method: bounds the request's size, and replaces the errors that the transcoder
/// makes itself, since they have no ErrorInfo and quote exceptions.</summary>
internal static class JsonEdge
{
    /// <summary>The types that errors hold as google.protobuf.Any.</summary>
    public static readonly TypeRegistry ErrorTypes = TypeRegistry.FromMessages(
        ErrorInfo.Descriptor, BadRequest.Descriptor, RetryInfo.Descriptor);

    private const string ContentType = "application/json; charset=utf-8";

    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(true, ErrorTypes));

    /// <summary>Wraps an endpoint.</summary>
    /// <param name="next">The transcoder's own delegate.</param>
    /// <param name="bodyBytesMax">The largest request body.</param>
    public static RequestDelegate Wrap(RequestDelegate next, long bodyBytesMax) => async context =>
    {
        // The framework's own limit would be reported as a malformed request; the one below knows better.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = null;
        }

        var request = new BoundedStream(context.Request.Body, bodyBytesMax, LedgerSizes.JsonDepthMax);
        context.Request.Body = request;
        var original = context.Response.Body;
        var response = new HeldErrorStream(context.Response, original);
        context.Response.Body = response;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = original;
        }

        if (!response.IsHeld)
        {
            return;
        }

        if (ErrorInterceptor.HasAnswered(context))
        {
            await response.ReleaseAsync();
        }
        else if (request.IsExceeded)
        {
            await WriteAsync(context, ErrorMap.TooLarge, StatusCodes.Status413PayloadTooLarge);
        }
        else
        {
            await WriteAsync(context, ErrorInterceptor.Outside(context), context.Response.StatusCode);
        }
    };

    /// <summary>Answers a path under /v1 that no method has.</summary>
    public static Task AnswerUnknownAsync(HttpContext context) => WriteAsync(
        context, new Fault(Reasons.MethodNotFound, "There is no such method."), StatusCodes.Status404NotFound);

    private static Task WriteAsync(HttpContext context, Fault fault, int httpStatus)
    {
        context.Response.StatusCode = httpStatus;
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = null;
        return context.Response.WriteAsync(Formatter.Format(ErrorMap.ToStatus(fault)), context.RequestAborted);
    }
}
