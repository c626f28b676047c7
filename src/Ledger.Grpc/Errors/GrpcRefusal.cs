using System.Globalization;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Errors;

/// <summary>A refusal as gRPC carries it, outside of any handler.</summary>
internal static class GrpcRefusal
{
    private const string ContentType = "application/grpc";

    /// <summary>Refuses a call of which nothing has been answered: then its trailers are in the headers.</summary>
    public static void Answer(HttpContext context, RequestError fault)
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = ContentType;
        Write(context.Response.Headers, fault);
    }

    /// <summary>Writes a fault into headers or trailers.</summary>
    public static void Write(IHeaderDictionary headers, RequestError fault)
    {
        var status = ErrorMap.ToStatus(fault);
        headers.GrpcStatus = status.Code.ToString(CultureInfo.InvariantCulture);
        headers.GrpcMessage = Uri.EscapeDataString(status.Message);
        headers[ErrorMap.DetailsTrailer] = Convert.ToBase64String(status.ToByteArray());
    }
}
