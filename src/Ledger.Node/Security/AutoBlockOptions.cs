using System.ComponentModel.DataAnnotations;

namespace Ledger.Node.Security;

/// <summary>Section <c>Ledger:Security:AutoBlock</c>: what is blocked by itself, for a while and on all
/// nodes.</summary>
internal sealed class AutoBlockOptions
{
    /// <summary>How many denials of one credential on one node within a minute have it blocked: a key by its id, a
    /// token by its principal. 0 for never.</summary>
    /// <value>The default value is 600. From 0 to 1,000,000.</value>
    [Range(0, 1_000_000)]
    public int DenialsPerMinuteMax { get; set; } = 600;

    /// <summary>Whether that holds for callers with certificates as well: a service is more often misconfigured than
    /// stolen.</summary>
    /// <value>The default value is false.</value>
    public bool Certificates { get; set; }

    /// <summary>How many calls of nobody known from one address, of IPv6 one network, on one node within a minute have
    /// the address blocked. 0 for never. Whatever is behind one proxy or balancer has one address, and any of them
    /// would have all of them blocked.</summary>
    /// <value>The default value is 0. From 0 to 1,000,000.</value>
    [Range(0, 1_000_000)]
    public int FailuresPerMinuteMax { get; set; }

    /// <summary>For how long.</summary>
    /// <value>The default value is 10 minutes. From 1 second to 7 days.</value>
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan Duration { get; set; } = TimeSpan.FromMinutes(10);
}
