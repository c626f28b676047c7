using System.Security.Cryptography.X509Certificates;

namespace Ledger.Client;

/// <summary>How a <see cref="LedgerClient"/> reaches the ledger and what it does when an answer fails to
/// come.</summary>
public sealed record LedgerClientOptions
{
    /// <summary>The address that is used when none is given: a node on this machine.</summary>
    public static readonly Uri DefaultAddress = new("http://localhost:5001");

    /// <summary>The nodes. <c>http</c> is plaintext HTTP/2, <c>https</c> is TLS; all must have the same scheme. With
    /// several, calls go in turn to those that answer: each is asked for its health (<c>grpc.health.v1</c>) before the
    /// first call, and after a connection to it has failed. The default is <see cref="DefaultAddress"/>.</summary>
    public IReadOnlyList<Uri> Addresses { get; init; } = [DefaultAddress];

    /// <summary>How long one attempt to write may take. The default is 10 seconds: a node that dies costs its
    /// neighbours seconds to notice, and a shorter deadline only turns a late answer into an unknown one.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt to read may take. The default is 10 seconds.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often, at most, one call is tried on <c>UNAVAILABLE</c>, or when its connection breaks, before it
    /// fails, the first attempt included: 1 to 5. The default is 5. All of them are within the call's timeout; pauses
    /// between attempts grow and are jittered; nothing is ever hedged. A change that has no id, such as a freeze, is
    /// tried again only where it was never sent.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>The pause before the first retry, on average; it doubles from retry to retry up to
    /// <see cref="MaxBackoff"/>. The default is 100 milliseconds.</summary>
    public TimeSpan InitialBackoff { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause between two attempts. The default is 2 seconds.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>For how long a write whose outcome is unknown is sent again, with the same id, until it is decided;
    /// see <see cref="RequestOptions.RetryUnknownFor"/>. The default is zero: the caller is told, and
    /// decides.</summary>
    public TimeSpan RetryUnknownFor { get; init; }

    /// <summary>How long a connection may lie idle before it is closed; the next call opens another one. Routers,
    /// firewalls and balancers forget a connection on which nothing is said, often after a minute, and tell nobody:
    /// the next call on it would be answered by nobody either. The default is 30 seconds.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection that waits for answers may be silent before it is pinged. A call on a
    /// connection that was silent for longer sends the ping ahead. The default is 3 seconds.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long the answer to a ping may take before the connection counts as dead, and its calls are sent
    /// again on another one. The default is 4 seconds: with the interval less than a call's timeout.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The authorities whose certificates are trusted with <c>https</c>, and no others; null (the default)
    /// for those that the machine trusts. Revocation is not looked up for authorities that are named here.</summary>
    public X509Certificate2Collection? CertificateAuthorities { get; init; }

    /// <summary>The token or key that calls show (<c>Authorization: Bearer</c>), asked for at each call, so that a new
    /// one is used as soon as it is there; null (the default) for none. It is sent over <c>https</c>, and over
    /// <c>http</c> to this machine alone. See <see cref="LedgerCredentials.TokenFromFile"/>.</summary>
    public Func<CancellationToken, ValueTask<string>>? Token { get; init; }

    /// <summary>The certificate, with its key, that is shown over <c>https</c>, asked for at each new connection; null
    /// (the default) for none. See <see cref="LedgerCredentials.CertificateFromFiles"/>.</summary>
    public Func<X509Certificate2>? ClientCertificate { get; init; }

    /// <summary>Whether single transfers and small reads (<see cref="LedgerClient.PostTransferAsync"/>,
    /// <see cref="LedgerClient.GetAccountAsync"/>, <see cref="LedgerClient.GetTransferAsync"/>) share streams, several
    /// to a message where several wait. Timeouts, cancellation, retries and errors are those of single calls. Streams
    /// are opened beside the calls when there are many, on connections of their own: two, or with several addresses one
    /// for each. Where a server has none, calls are made one by one, and it is asked again after 10 minutes. The
    /// default is false: what a lone caller gains or loses by it depends on the machine; the mode <c>share</c> of the
    /// benchmarks measures it.</summary>
    public bool UseSharedStreams { get; init; }

    /// <summary>Replaces the HTTP handler, for own certificates or for tests; the settings above for connections then
    /// don't apply. The caller disposes it.</summary>
    public HttpMessageHandler? HttpHandler { get; init; }

    /// <summary>The clock of pauses and of <see cref="RetryUnknownFor"/>; the deadlines of calls are always real time.
    /// The default is the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
