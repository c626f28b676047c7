using System.ComponentModel.DataAnnotations;

namespace Ledger.Node;

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
