using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.StrictJson;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ledger.Grpc.Http;

/// <summary>Around the JSON form of each method: bounds the request's size, refuses what the method does not have, and
/// replaces the errors that the transcoder makes itself, since they have no ErrorInfo and quote exceptions.</summary>
internal static class JsonEdge
{
    /// <summary>The types that errors hold as google.protobuf.Any.</summary>
    public static readonly TypeRegistry ErrorTypes = TypeRegistry.FromMessages(
        ErrorInfo.Descriptor, BadRequest.Descriptor, RetryInfo.Descriptor);

    private const string ContentType = "application/json; charset=utf-8";

    private static readonly RequestError CutOff = new(
        ErrorReasons.MalformedRequest, "The body ended before it was whole.");

    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(true, ErrorTypes));

    /// <summary>Wraps an endpoint.</summary>
    /// <param name="next">The transcoder's own delegate.</param>
    /// <param name="shape">What the endpoint takes.</param>
    /// <param name="bodyBytesMax">The largest request body.</param>
    /// <param name="metrics">Where refusals are counted.</param>
    /// <param name="wall">Where room is taken for bodies.</param>
    public static RequestDelegate Wrap(
        RequestDelegate next, JsonRequest shape, int bodyBytesMax, CallMetrics metrics, EdgeWall wall) =>
        async context =>
    {
        // The framework's own limit would be reported as a malformed request; the one below knows better.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = null;
        }

        if ((shape.CheckQuery(context.Request.QueryString) ?? shape.CheckHeaders(context.Request)) is { } refused)
        {
            await RefuseAsync(context, refused, StatusCodes.Status400BadRequest, metrics, shape.GrpcPath);
            return;
        }

        JsonBody? body;
        try
        {
            body = await JsonBody.ReadAsync(context.Request, bodyBytesMax, wall);
        }
        catch (RequestErrorException refusal)
        {
            await RefuseAsync(context, refusal.Fault, HttpStatusOf(refusal.Fault.Reason), metrics, shape.GrpcPath);
            return;
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // Whoever has left hears nothing; for others it was too slow or is not framed as HTTP wants it.
            var status = (failure as BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
            await RefuseAsync(context, CutOff, status, metrics, shape.GrpcPath);
            return;
        }

        if (body is null)
        {
            await RefuseAsync(
                context, ErrorMap.TooLarge, StatusCodes.Status413PayloadTooLarge, metrics, shape.GrpcPath);
            return;
        }

        using (body)
        {
            if (shape.CheckBody(body.Bytes.Span, out var edits) is { } fault)
            {
                await RefuseAsync(context, fault, StatusCodes.Status400BadRequest, metrics, shape.GrpcPath);
                return;
            }

            // The transcoder knows fewer spellings of what has been checked above.
            context.Request.ContentType = JsonRequest.JsonType;
            context.Request.Body = edits is null
                ? body.Open()
                : new MemoryStream(JsonEdit.Apply(body.Bytes.Span, edits));
            await AnswerAsync(context, next, metrics, shape.GrpcPath);
        }
    };

    /// <summary>Answers with a fault, in the form that all errors have.</summary>
    public static Task WriteAsync(HttpContext context, RequestError fault, int httpStatus)
    {
        context.Response.StatusCode = httpStatus;
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = null;
        return context.Response.WriteAsync(Formatter.Format(ErrorMap.ToStatus(fault)), context.RequestAborted);
    }

    /// <summary>Calls the endpoint, and holds back what it says of a failure that is not one of ours.</summary>
    private static async Task AnswerAsync(
        HttpContext context, RequestDelegate next, CallMetrics metrics, string grpcPath)
    {
        var original = context.Response.Body;
        var response = new ErrorBufferingStream(context.Response, original);
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
        else
        {
            await RefuseAsync(
                context, ErrorInterceptor.Outside(context), context.Response.StatusCode, metrics, grpcPath);
        }
    }

    // Of what the edge itself refuses.
    private static int HttpStatusOf(ErrorReason reason) => reason == ErrorReasons.RequestIncomplete
        ? StatusCodes.Status408RequestTimeout
        : StatusCodes.Status429TooManyRequests;

    private static Task RefuseAsync(
        HttpContext context, RequestError fault, int httpStatus, CallMetrics metrics, string grpcPath)
    {
        metrics.Refused(fault.Reason, grpcPath);
        return WriteAsync(context, fault, httpStatus);
    }
}
