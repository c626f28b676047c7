using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Http</c>: where JSON and health are served.</summary>
internal sealed class HttpEndpointOptions
{
    /// <summary>The address: HTTP/1.1. Port 0 takes a free one.</summary>
    [Required]
    public string Url { get; set; } = "http://127.0.0.1:5000";

    /// <summary>The names by which this node may be called, over gRPC too, and whose pages may call it, beside those
    /// that it listens at and those of the machine itself: <c>ledger.example.com</c>, <c>*.example.com</c> for all
    /// below it, <c>*</c> for all.</summary>
    public string[] AllowedHosts { get; set; } = [];
}
