namespace Ledger.Client;

/// <summary>What was found in the place of a server of gRPC.</summary>
internal enum NoLedgerKind
{
    /// <summary>Nobody said anything, or the connection broke first: this may pass.</summary>
    Silent,

    /// <summary>HTTP/1.1, as at the port of the JSON API.</summary>
    Http11,

    /// <summary>TLS, where plaintext was spoken to it.</summary>
    Tls,

    /// <summary>Another protocol.</summary>
    Other,
}
