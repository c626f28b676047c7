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
