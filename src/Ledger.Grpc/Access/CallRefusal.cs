using Ledger.Grpc.Errors;
using Ledger.Grpc.Http;
using Microsoft.AspNetCore.Http;

namespace Ledger.Grpc.Access;

/// <summary>Refuses a call before its handler, in the form in which it was made.</summary>
internal static class CallRefusal
{
    /// <summary>Answers it, and counts it.</summary>
    /// <param name="context">The call, of which nothing has been answered.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="fault">Why.</param>
    /// <param name="isJson">Whether it is a method's JSON form.</param>
    /// <param name="httpStatus">The status of the JSON form.</param>
    public static Task AnswerAsync(
        HttpContext context, CallMetrics metrics, RequestError fault, bool isJson, int httpStatus)
    {
        metrics.Refused(fault.Reason);
        if (isJson)
        {
            return JsonEdge.WriteAsync(context, fault, httpStatus);
        }

        GrpcRefusal.Answer(context, fault);
        return Task.CompletedTask;
    }
}
