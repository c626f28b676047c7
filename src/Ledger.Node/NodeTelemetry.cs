using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Ledger.Node;

/// <summary>Tells whoever the settings name of the node's metrics. Without such a setting nothing is added, and no
/// instrument measures anything.</summary>
internal static class NodeTelemetry
{
    private const string Metrics = "/metrics";
    private const string ServiceName = "ledger-node";

    // The runtime, ASP.NET Core and Npgsql have their instruments built in.
    private static readonly string[] s_meters =
    [
        LedgerTelemetry.MeterName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel",
        "System.Runtime", "Npgsql",
    ];

    /// <summary>The paths that are served.</summary>
    public static string[] Paths(TelemetryOptions options) => options.Prometheus ? [Metrics] : [];

    /// <summary>Adds what the settings ask for.</summary>
    public static void AddTo(IServiceCollection services, TelemetryOptions options)
    {
        if (!options.Prometheus && options.OtlpEndpoint is null)
        {
            return;
        }

        services.AddOpenTelemetry().WithMetrics(metrics =>
        {
            // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say wins.
            metrics.ConfigureResource(static resource => resource
                .AddService(ServiceName, serviceVersion: NodeUsage.Version).AddEnvironmentVariableDetector());
            metrics.AddMeter(s_meters);
            if (options.Prometheus)
            {
                metrics.AddPrometheusExporter();
            }

            if (options.OtlpEndpoint is { } endpoint)
            {
                metrics.AddOtlpExporter(otlp =>
                {
                    // OpenTelemetry reads its own variable by itself, and with it which protocol is meant.
                    if (!options.IsStandard)
                    {
                        (otlp.Endpoint, otlp.Protocol) = (new Uri(endpoint), OtlpExportProtocol.Grpc);
                    }
                });
            }
        });
    }

    /// <summary>Serves <c>/metrics</c>, where the settings ask for it.</summary>
    public static void Use(WebApplication app, TelemetryOptions options)
    {
        if (options.Prometheus)
        {
            // The port of gRPC, which speaks HTTP/2 alone, may be open to whom metrics are not meant for.
            app.UseOpenTelemetryPrometheusScrapingEndpoint(static context =>
                context.Request.Path == Metrics && HttpProtocol.IsHttp11(context.Request.Protocol));
        }
    }
}
