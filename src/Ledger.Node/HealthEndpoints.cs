using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node;

/// <summary>Health over HTTP, chosen by tags.</summary>
internal static class HealthEndpoints
{
    public const string LiveTag = "live";

    private const string All = "/health";
    private const string Live = All + "/live";
    private const string Ready = All + "/ready";

    /// <summary>The paths that are served.</summary>
    public static readonly string[] Paths = [All, Live, Ready];

    /// <summary>Maps <c>/health/live</c> (restart the node when it fails), <c>/health/ready</c> (send it no calls while
    /// it fails) and <c>/health</c> (everything).</summary>
    public static void MapNodeHealth(this IEndpointRouteBuilder endpoints)
    {
        Map(endpoints, Live, static check => check.Tags.Contains(LiveTag));
        Map(endpoints, Ready, static check => check.Tags.Contains(LedgerGrpcExtensions.ReadyTag));
        Map(endpoints, All, static _ => true);
    }

    /// <summary>Whether a path is one that probes ask for, which hold nothing but a word.</summary>
    public static bool IsProbe(PathString path) =>
        path.Equals(Live, StringComparison.OrdinalIgnoreCase) || path.Equals(Ready, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a path is one of health.</summary>
    public static bool IsHealth(PathString path) => path.StartsWithSegments(All, StringComparison.OrdinalIgnoreCase);

    private static void Map(
        IEndpointRouteBuilder endpoints, string path, Func<HealthCheckRegistration, bool> predicate) =>
        endpoints.MapHealthChecks(
            path, new HealthCheckOptions { Predicate = predicate, ResponseWriter = WriteAsync });

    // Exceptions stay in the log. What is wrong, and with which database, is for whoever runs the node: on its own
    // machine. Others hear what a balancer needs.
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var isTold = MayHearWhy(context);
        context.Response.ContentType = "application/json; charset=utf-8";
        var body = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["status"] = report.Status.ToString(),
            ["checks"] = report.Entries.ToDictionary(
                static entry => entry.Key,
                entry => new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    ["status"] = entry.Value.Status.ToString(),
                    ["description"] = isTold ? entry.Value.Description : null,
                },
                StringComparer.Ordinal),
        };
        return context.Response.WriteAsync(JsonSerializer.Serialize(body), context.RequestAborted);
    }

    // A proxy on this machine asks for others.
    private static bool MayHearWhy(HttpContext context) =>
        (context.Connection.RemoteIpAddress is not { } address || IPAddress.IsLoopback(address))
        && !context.Request.Headers.ContainsKey("X-Forwarded-For") && !context.Request.Headers.ContainsKey("Forwarded");
}
