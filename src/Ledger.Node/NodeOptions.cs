using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Grpc</c>, beside the options of the facade: where gRPC is served.</summary>
internal sealed class GrpcEndpointOptions
{
    /// <summary>The address: HTTP/2 without TLS for http, with TLS for https. Port 0 takes a free one.</summary>
    [Required]
    public string Url { get; set; } = "http://127.0.0.1:5001";
}

/// <summary>Section <c>Ledger:Http</c>: where JSON and health are served.</summary>
internal sealed class HttpEndpointOptions
{
    /// <summary>The address: HTTP/1.1. Port 0 takes a free one.</summary>
    [Required]
    public string Url { get; set; } = "http://127.0.0.1:5000";
}

/// <summary>Section <c>Ledger:Sqlite</c>.</summary>
internal sealed class SqliteOptions
{
    /// <summary>The file, relative to the current directory.</summary>
    [Required]
    public string Path { get; set; } = "./data/ledger.db";
}

/// <summary>Section <c>Ledger:PostgreSql</c>.</summary>
internal sealed class PostgreSqlOptions
{
    /// <summary>Npgsql's connection string; null means SQLite. <c>ConnectionStrings:Ledger</c> is the same.</summary>
    public string? ConnectionString { get; set; }
}

/// <summary>Section <c>Ledger:Cluster</c>, for the clustered mode.</summary>
internal sealed class ClusterOptions
{
    /// <summary>The address that Akka.Remote listens on.</summary>
    [Required]
    public string HostName { get; set; } = "127.0.0.1";

    /// <summary>The name by which other nodes reach this one; null means <see cref="HostName"/>.</summary>
    public string? PublicHostName { get; set; }

    /// <summary>The port that Akka.Remote listens on. Port 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; set; } = 4053;

    /// <summary>The nodes to join, such as <c>akka.tcp://ledger@node-1:4053</c>. Without any it founds one.</summary>
    public string[] SeedNodes { get; set; } = [];

    /// <summary>The roles of this node.</summary>
    public string[] Roles { get; set; } = [];

    /// <summary>How long membership must be stable before unreachable nodes are removed.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan StableAfter { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>Section <c>Ledger:Shutdown</c>.</summary>
internal sealed class ShutdownOptions
{
    /// <summary>How long the node still serves after it has become not ready, so that balancers notice.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan DrainDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long calls and actors have to end after that.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);
}
