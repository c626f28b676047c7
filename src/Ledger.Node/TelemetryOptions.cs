namespace Ledger.Node;

/// <summary>Section <c>Ledger:Telemetry</c>: who is told of the node's metrics. By default nobody.</summary>
internal sealed class TelemetryOptions
{
    private const string Standard = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Whether <c>/metrics</c> is served for Prometheus, where JSON and health are.</summary>
    public bool Prometheus { get; set; }

    /// <summary>Where metrics are sent by OTLP, as <c>http://collector:4317</c>; null for nowhere. OpenTelemetry's own
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is the same.</summary>
    public string? OtlpEndpoint { get; set; }

    /// <summary>Whether the endpoint was given as OpenTelemetry's own variable, so that its others hold as
    /// well.</summary>
    internal bool IsStandard { get; private set; }

    /// <summary>Takes what OpenTelemetry's own variable says, and checks.</summary>
    /// <exception cref="SettingsException">The endpoint is no address.</exception>
    public void Complete(IConfiguration configuration)
    {
        var setting = "Ledger:Telemetry:OtlpEndpoint";
        if (OtlpEndpoint is null && configuration[Standard] is { Length: > 0 } standard)
        {
            (OtlpEndpoint, setting, IsStandard) = (standard, Standard, true);
        }

        if (OtlpEndpoint is not null && !(Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out var uri)
            && uri.Scheme is "http" or "https"))
        {
            throw new SettingsException(
                $"{setting} is '{OtlpEndpoint}'; it must be the address of a collector, as http://127.0.0.1:4317.");
        }
    }
}
