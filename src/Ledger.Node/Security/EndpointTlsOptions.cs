namespace Ledger.Node.Security;

/// <summary>Section <c>Ledger:Tls</c>: what a node shows to callers at its https addresses, and which certificates of
/// theirs it takes. All files are read again when they change.</summary>
internal sealed class EndpointTlsOptions
{
    /// <summary>The certificate with its intermediates, as PEM; null where <c>Kestrel:Certificates</c> says
    /// it.</summary>
    public string? CertificatePath { get; set; }

    /// <summary>The certificate's key, as PEM.</summary>
    public string? KeyPath { get; set; }

    /// <summary>A file whose first line is the password of the key; null when there is none.</summary>
    public string? PasswordPath { get; set; }

    /// <summary>The operator's own authority, as PEM, of which callers have certificates; null where none are taken. No
    /// other is trusted, the machine's own included.</summary>
    public string? ClientAuthorityPath { get; set; }

    /// <summary>Certificates of callers that are not taken any more: a serial number a line, in hexadecimal. Null for
    /// none.</summary>
    public string? RevokedPath { get; set; }
}
