using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Node.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ledger.Node.Edge;

/// <summary>Puts the walls around a node.</summary>
internal static class NodeEdge
{
    private const int ConnectionWindowBytes = 1024 * 1024;
    private const int StreamWindowBytes = 256 * 1024;

    // Each says as an error, with a stack, that it could not read a message. The facade answers and counts these. The
    // third has a critical line for each stream that a peer opens beyond what it may. The last has a line for each
    // wrong key, which the audit log sums up.
    private static readonly string[] s_silenced =
    [
        "Grpc.AspNetCore.Server.ServerCallHandler", "Grpc.AspNetCore.Grpc.JsonTranscoding.ServerCallHandler",
        "Microsoft.AspNetCore.Server.Kestrel.Http2", typeof(ApiKeyHandler).FullName!,
    ];

    /// <summary>Adds the console log, which the settings of logs may change.</summary>
    public static void AddLogTo(ILoggingBuilder logging, IConfiguration settings)
    {
        foreach (var category in s_silenced)
        {
            logging.AddFilter(category, LogLevel.None);
        }

        logging.AddConfiguration(settings);
        logging.Services.AddSingleton<LogDrops>();
        DroppingConsole.AddTo(logging);
    }

    /// <summary>Adds what <see cref="Use"/> and <see cref="Guard"/> need. Before the facade, which has settings of its
    /// own for whoever gives none.</summary>
    public static void AddTo(IServiceCollection services, NodeSettings settings)
    {
        services.AddSingleton(settings.Edge);
        services.AddSingleton(new ShareOptions { NodeCallsMax = settings.Ledger.NodeCallsMax });
        services.AddSingleton(Hosts(settings));
        services.AddSingleton<ConnectionGate>();
        services.AddHostedService<RefusalSummary>();
    }

    /// <summary>Has requests pass the filter of hosts, ahead of all routes.</summary>
    public static void Use(WebApplication app) => app.UseMiddleware<HostFilter>();

    /// <summary>Sets the limits of the server.</summary>
    public static void Limit(KestrelServerLimits limits, EdgeOptions edge)
    {
        limits.MaxConcurrentConnections = ConnectionGate.ConnectionsMax(edge) + edge.HealthConnectionsMax;
        limits.MinRequestBodyDataRate = new MinDataRate(edge.BodyBytesPerSecondMin, edge.BodyGrace);
        limits.RequestHeadersTimeout = edge.HeadersTimeout;
        limits.MaxRequestHeadersTotalSize = edge.HeaderBytesMax;
        limits.Http2.MaxRequestHeaderFieldSize = Math.Min(limits.Http2.MaxRequestHeaderFieldSize, edge.HeaderBytesMax);
        limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
    }

    /// <summary>Has the connections of an endpoint counted. A server that only tries its settings has no
    /// gate.</summary>
    public static void Guard(ListenOptions endpoint, bool servesHealth) =>
        endpoint.ApplicationServices.GetService<ConnectionGate>()?.Use(endpoint, servesHealth);

    // Nodes ask each other by the names that they have in the cluster.
    private static HostList Hosts(NodeSettings settings)
    {
        string[] ofCluster = settings.IsClustered
            ? [settings.Cluster.HostName, settings.Cluster.PublicHostName ?? settings.Cluster.HostName]
            : [];
        return new HostList(
            settings.IsFront ? [settings.GrpcEndpoint.Url, settings.HttpEndpoint.Url] : [settings.HttpEndpoint.Url],
            [.. settings.HttpEndpoint.AllowedHosts, .. ofCluster]);
    }
}
