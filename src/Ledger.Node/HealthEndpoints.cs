using System.Text.Json;
using Ledger.Grpc;
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

    private static void Map(
        IEndpointRouteBuilder endpoints, string path, Func<HealthCheckRegistration, bool> predicate) =>
        endpoints.MapHealthChecks(
            path, new HealthCheckOptions { Predicate = predicate, ResponseWriter = WriteAsync });

    // Exceptions stay in the log.
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        var body = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["status"] = report.Status.ToString(),
            ["checks"] = report.Entries.ToDictionary(
                static entry => entry.Key,
                static entry => new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    ["status"] = entry.Value.Status.ToString(),
                    ["description"] = entry.Value.Description,
                },
                StringComparer.Ordinal),
        };
        return context.Response.WriteAsync(JsonSerializer.Serialize(body), context.RequestAborted);
    }
}
