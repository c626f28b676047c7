namespace Ledger.Node.Security;

/// <summary>Section <c>Ledger:Security</c>: who may call.</summary>
internal sealed class SecurityOptions
{
    /// <summary>Whether callers must say who they are. Null means: not where nobody but this machine reaches the node,
    /// everywhere else yes.</summary>
    public SecurityMode? Mode { get; set; }

    /// <summary>Whether a node that other machines reach may serve everybody.</summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>Whether a node that other machines reach may listen without TLS: behind a proxy that ends it, on a
    /// network where nobody else listens.</summary>
    public bool AllowPlaintext { get; set; }

    /// <summary>The policy: who may do what. It is read again when it changes.</summary>
    public string? PolicyPath { get; set; }
}
