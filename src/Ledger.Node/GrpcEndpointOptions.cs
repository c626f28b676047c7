using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Grpc</c>, beside the options of the facade: where gRPC is served.</summary>
internal sealed class GrpcEndpointOptions
{
    /// <summary>The address: HTTP/2 without TLS for http, with TLS for https. Port 0 takes a free one.</summary>
    [Required]
    public string Url { get; set; } = "http://127.0.0.1:5001";
}
