using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

/// <summary>Section <c>Ledger:Http</c>: where JSON and health are served.</summary>
internal sealed class HttpEndpointOptions
{
    /// <summary>The address: HTTP/1.1. Port 0 takes a free one.</summary>
    [Required]
    public string Url { get; set; } = "http://127.0.0.1:5000";
}
