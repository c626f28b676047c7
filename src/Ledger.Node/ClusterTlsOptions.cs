namespace Ledger.Node;

/// <summary>Section <c>Ledger:Cluster:Tls</c>: what nodes show each other. Whoever reaches the port of Akka.Remote can
/// do to a node whatever its code can, so every node must show a certificate of the cluster's own authority.</summary>
internal sealed class ClusterTlsOptions
{
    /// <summary>Whether nodes speak TLS with each other and show certificates; null means yes, but in the Development
    /// environment only where a certificate is given.</summary>
    public bool? Enabled { get; set; }

    /// <summary>The node's certificate, as PEM, or as PFX with its key. For server and client authentication.</summary>
    public string? CertificatePath { get; set; }

    /// <summary>The key of a PEM certificate.</summary>
    public string? KeyPath { get; set; }

    /// <summary>A file whose first line is the password of the PFX file or of the key; null when there is
    /// none.</summary>
    public string? PasswordPath { get; set; }

    /// <summary>The authority, as PEM, whose certificates nodes have. No other is trusted, the machine's own
    /// included.</summary>
    public string? AuthorityPath { get; set; }

    /// <summary>Whether the certificate of a node that is connected to must be for the name that it was reached
    /// by.</summary>
    public bool ValidateHostName { get; set; } = true;

    /// <summary>Whether a certificate must say that it is a node's: by the URI <c>spiffe://…/ledger-node</c> among its
    /// names. Where the authority has certificates for nobody but nodes, it may be without.</summary>
    public bool RequireNodeMark { get; set; } = true;

    /// <summary>Whether nodes may speak plaintext at other addresses than those of the machine itself, in the
    /// Development environment too.</summary>
    public bool AllowPlaintext { get; set; }
}
