using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Ledger.Grpc.Http;

/// <summary>Puts the <see cref="GrpcErrorMiddleware"/> around the gRPC calls of ledger.v1, and no others.</summary>
internal sealed class GrpcErrorStartupFilter : IStartupFilter
{
    private const string PathPrefix = "/ledger.v1.";

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.UseWhen(
            static context => context.Request.Path.Value?.StartsWith(PathPrefix, StringComparison.Ordinal) == true,
            static branch => branch.UseMiddleware<GrpcErrorMiddleware>());
        next(app);
    };
}
