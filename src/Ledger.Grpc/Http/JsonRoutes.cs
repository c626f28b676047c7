using Ledger.Grpc.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Ledger.Grpc.Http;

/// <summary>Every route of the JSON form, and what to say to a request that has none: which methods its path takes, or
/// which paths there are.</summary>
internal static class JsonRoutes
{
    private const int ShownMax = 64;
    private const string GrpcType = "application/grpc";

    private static readonly JsonRoute[] All =
    [
        .. Contract.Methods
            .SelectMany(JsonRoute.Of).OrderBy(static route => route.Path, StringComparer.Ordinal),
    ];

    private static readonly string List = string.Join("; ", All.GroupBy(static route => route.Path).Select(
        static path => $"{string.Join(", ", path.Select(static route => route.Method).Order())} {path.Key}"));

    /// <summary>Answers a request whose path and method are no route: 405 with <c>Allow</c> where the path is one, else
    /// 404.</summary>
    /// <param name="context">The request.</param>
    /// <param name="others">The paths that are served beside the routes.</param>
    public static Task AnswerAsync(HttpContext context, params string[] others)
    {
        if (HttpProtocol.IsHttp2(context.Request.Protocol)
            && context.Request.ContentType?.StartsWith(GrpcType, StringComparison.Ordinal) == true)
        {
            // Half a path of a method: a client of gRPC reads no JSON.
            GrpcRefusal.Answer(context, new RequestError(ErrorReasons.MethodNotFound, "There is no such method."));
            return Task.CompletedTask;
        }

        var (method, path) = (context.Request.Method, context.Request.Path.Value ?? "");
        var shown = path.Length <= ShownMax ? path : $"{path[..ShownMax]}…";
        string[] allowed =
        [
            .. All.Where(route => route.Takes(path)).Select(static route => route.Method).Distinct().Order(),
        ];
        if (allowed.Length == 0)
        {
            var beside = string.Concat(others.Select(static other => $"; GET {other}"));
            return JsonEdge.WriteAsync(
                context,
                new RequestError(
                    ErrorReasons.MethodNotFound,
                    $"There is no path {(shown.Length == 0 ? "/" : shown)}. There are: {List}{beside}."),
                StatusCodes.Status404NotFound);
        }

        context.Response.Headers[HeaderNames.Allow] = string.Join(", ", allowed);

        // An address may itself hold a colon: a verb that there is none of reads as a part of it.
        string[] verbs =
        [
            .. All.Where(route => route.Method == method && Parent(route.Path) == Parent(path))
                .Select(static route => route.Path),
        ];
        var meant = verbs.Length == 0 ? "" : $" {method} takes: {string.Join(", ", verbs)}.";
        return JsonEdge.WriteAsync(
            context,
            new RequestError(
                ErrorReasons.MethodNotAllowed,
                $"{Shown(method)} is no method of {shown}, which takes {string.Join(" and ", allowed)}.{meant}"),
            StatusCodes.Status405MethodNotAllowed);
    }

    /// <summary>Answers a request to a server that serves none of the routes: 404.</summary>
    /// <param name="context">The request.</param>
    /// <param name="others">The paths that are served.</param>
    public static Task AnswerNoneAsync(HttpContext context, params string[] others) => JsonEdge.WriteAsync(
        context,
        new RequestError(
            ErrorReasons.MethodNotFound,
            "This node takes no calls: it does not have the role front. There are: "
            + $"{string.Join("; ", others.Select(static other => $"GET {other}"))}."),
        StatusCodes.Status404NotFound);

    /// <summary>Answers a request to a server that does not serve the JSON form: 404.</summary>
    public static Task AnswerOffAsync(HttpContext context) => JsonEdge.WriteAsync(
        context,
        new RequestError(
            ErrorReasons.MethodNotFound,
            "The JSON form is not served here. It is off where other machines reach the node, unless"
            + " Ledger:Grpc:EnableJson=true asks for it."),
        StatusCodes.Status404NotFound);

    private static string Parent(string path) => path[..(path.LastIndexOf('/') + 1)];

    private static string Shown(string method) => method.Length <= ShownMax ? method : $"{method[..ShownMax]}…";
}
