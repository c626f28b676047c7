using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Ledger.Grpc.Http;

/// <summary>Puts the <see cref="GrpcErrorMiddleware"/> around all gRPC calls.</summary>
/// <param name="metrics">The instruments of the edge, which are there from the start.</param>
/// <param name="access">Those of who may call, likewise.</param>
internal sealed class GrpcErrorStartupFilter(EdgeMetrics metrics, AccessMetrics access) : IStartupFilter
{
    private const string PathPrefix = "/ledger.v1.";
    private const string OthersPrefix = "/grpc.";
    private const string ContentType = "application/grpc";

    /// <summary>The instruments of the edge.</summary>
    public EdgeMetrics Metrics { get; } = metrics;

    /// <summary>The instruments of who may call.</summary>
    public AccessMetrics Access { get; } = access;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.UseWhen(
            static context => context.Request.Path.Value is { } path
                    && (path.StartsWith(PathPrefix, StringComparison.OrdinalIgnoreCase)
                        || path.StartsWith(OthersPrefix, StringComparison.Ordinal))
                || context.Request.ContentType?.StartsWith(ContentType, StringComparison.Ordinal) == true,
            static branch => branch.UseMiddleware<GrpcErrorMiddleware>());
        next(app);
    };
}
