using Ledger.Grpc;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Http;

namespace Ledger.Node.Edge;

/// <summary>Refuses requests that name another host than this node, or come from a page of another site. What probes
/// ask for has no more to it than a word, and is answered to whoever asks.</summary>
internal sealed class HostFilter(RequestDelegate next, HostList hosts, CallMetrics metrics)
{
    private const string GrpcType = "application/grpc";
    private const string FetchSite = "Sec-Fetch-Site";
    private const string CrossSite = "cross-site";
    private const int ShownMax = 64;

    private static readonly RequestError Full = new(
        ErrorReasons.Overloaded, "The node has as many connections as it takes; this one is for its health alone.");

    // What the last request named, which the next one names too.
    private string lastTaken = "";

    public Task InvokeAsync(HttpContext context)
    {
        if (HealthEndpoints.IsProbe(context.Request.Path))
        {
            return next(context);
        }

        if (context.Features.Get<ConnectionBudget>() is { IsForHealth: true }
            && !HealthEndpoints.IsHealth(context.Request.Path))
        {
            context.Response.Headers.Connection = "close";
            return AnswerAsync(context, Full, StatusCodes.Status503ServiceUnavailable);
        }

        return Problem(context.Request) is var (fault, status) ? AnswerAsync(context, fault, status) : next(context);
    }

    private (RequestError Fault, int Status)? Problem(HttpRequest request)
    {
        if (request.Host.Value is not { } named
            || (!string.Equals(named, lastTaken, StringComparison.Ordinal) && !Takes(named)))
        {
            return (
                new RequestError(
                    ErrorReasons.HostNotAllowed,
                    $"This node is not called \"{Shown(request.Host.Host)}\". Ledger:Http:AllowedHosts names what it is"
                    + " called."),
                StatusCodes.Status421MisdirectedRequest);
        }

        var headers = request.Headers;
        if (headers.Origin.Count > 0
            && !(Uri.TryCreate(headers.Origin.ToString(), UriKind.Absolute, out var origin)
                && hosts.Takes(Bare(origin.Host))))
        {
            return (
                new RequestError(
                    ErrorReasons.OriginNotAllowed,
                    $"The request comes from a page of \"{Shown(headers.Origin.ToString())}\", which"
                    + " Ledger:Http:AllowedHosts does not name."),
                StatusCodes.Status403Forbidden);
        }

        return headers[FetchSite] is [CrossSite]
            ? (
                new RequestError(ErrorReasons.OriginNotAllowed, "The request comes from a page of another site."),
                StatusCodes.Status403Forbidden)
            : null;
    }

    private bool Takes(string named)
    {
        if (!hosts.Takes(Bare(new HostString(named).Host)))
        {
            return false;
        }

        lastTaken = named;
        return true;
    }

    private async Task AnswerAsync(HttpContext context, RequestError fault, int httpStatus)
    {
        metrics.Refused(fault.Reason);
        if (!HttpProtocol.IsHttp2(context.Request.Protocol)
            || context.Request.ContentType?.StartsWith(GrpcType, StringComparison.Ordinal) != true)
        {
            await JsonEdge.WriteAsync(context, fault, httpStatus);
            return;
        }

        GrpcRefusal.Answer(context, fault);
    }

    // An address of IPv6 stands in brackets.
    private static string Bare(string host) => host.Trim('[', ']');

    private static string Shown(string text) => text.Length <= ShownMax ? text : $"{text[..ShownMax]}…";
}
