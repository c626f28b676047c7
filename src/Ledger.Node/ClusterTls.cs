using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using Akka.Remote.Hosting;

namespace Ledger.Node;

/// <summary>The certificates of a node, loaded and checked.</summary>
internal sealed class ClusterTls
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // Nobody else takes part; only the machine can be slow.
    private static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(60);

    private readonly X509Certificate2 certificate;
    private readonly X509Certificate2Collection authority;
    private readonly bool validateHostName;
    private readonly bool requireMark;

    private ClusterTls(X509Certificate2 certificate, X509Certificate2Collection authority, ClusterTlsOptions options)
    {
        this.certificate = certificate;
        this.authority = authority;
        validateHostName = options.ValidateHostName;
        requireMark = options.RequireNodeMark;
    }

    /// <summary>Until when the node's own certificate is valid.</summary>
    public DateTimeOffset ValidTo => new(certificate.NotAfter.ToUniversalTime());

    /// <summary>Loads the certificates; null when the cluster does without.</summary>
    /// <param name="options">Where they are.</param>
    /// <param name="isDevelopment">Whether a cluster may do without.</param>
    /// <param name="time">The time by which they must be valid.</param>
    /// <param name="hostName">The name by which other nodes reach this one.</param>
    /// <exception cref="SettingsException">They are missing or no use.</exception>
    public static ClusterTls? Load(ClusterTlsOptions options, bool isDevelopment, TimeProvider time, string hostName)
    {
        var given = options.CertificatePath is { Length: > 0 };
        if (!(options.Enabled ?? (given || !isDevelopment)))
        {
            return null;
        }

        if (!given || options.AuthorityPath is not { Length: > 0 })
        {
            throw new SettingsException(
                "a node of a cluster needs certificates: set Ledger:Cluster:Tls:CertificatePath, KeyPath and "
                + "AuthorityPath (eng/dev-certs.sh makes some for development), or Ledger:Cluster:Tls:Enabled=false "
                + "where nobody else reaches its port");
        }

        foreach (var (setting, path) in ((string, string?)[])
            [
                (nameof(options.CertificatePath), options.CertificatePath), (nameof(options.KeyPath), options.KeyPath),
                (nameof(options.PasswordPath), options.PasswordPath),
                (nameof(options.AuthorityPath), options.AuthorityPath),
            ])
        {
            if (path is { Length: > 0 } && !File.Exists(path))
            {
                throw new SettingsException($"Ledger:Cluster:Tls:{setting}: there is no file {path}");
            }
        }

        try
        {
            var authority = new X509Certificate2Collection();
            authority.ImportFromPemFile(options.AuthorityPath);
            if (authority.Count == 0)
            {
                throw new SettingsException(
                    $"Ledger:Cluster:Tls:AuthorityPath: {options.AuthorityPath} holds no certificate");
            }

            var tls = new ClusterTls(LoadCertificate(options), authority, options);
            tls.CheckOwn(options, time, hostName);
            return tls;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException
            or ArgumentException)
        {
            throw new SettingsException(
                $"Ledger:Cluster:Tls: the certificate {options.CertificatePath} or its authority "
                + $"{options.AuthorityPath} can't be used: {e.Message}");
        }
    }

    /// <summary>Sets up Akka.Remote.</summary>
    public void Apply(RemoteOptions remote)
    {
        remote.EnableSsl = true;
        remote.Ssl = new SslOptions
        {
            X509Certificate = certificate,
            SuppressValidation = false,
            RequireMutualAuthentication = true,
            ValidateCertificateHostname = validateHostName,
            CustomValidator = Validate,
        };
    }

    /// <summary>Whether a peer may connect, or be connected to.</summary>
    /// <param name="peer">What it shows.</param>
    /// <param name="chain">The chain that it sent, judged by the machine's authorities, which do not count
    /// here.</param>
    /// <param name="remotePeer">Where it is.</param>
    /// <param name="errors">What the platform objects to.</param>
    /// <param name="log">Where a refusal is told.</param>
    internal bool Validate(
        X509Certificate2? peer, X509Chain? chain, string remotePeer, SslPolicyErrors errors, ILoggingAdapter log)
    {
        if (peer is null)
        {
            log.Warning("{Peer} shows no certificate and is refused", remotePeer);
            return false;
        }

        // Set only where this node connects: of who connects to it, it knows no name.
        if (validateHostName && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            log.Warning(
                "The certificate of {Peer}, {Subject}, is for another name and is refused", remotePeer, peer.Subject);
            return false;
        }

        if (Problem(peer, chain?.ChainPolicy.ExtraStore) is { } problem)
        {
            log.Warning(
                "The certificate of {Peer}, {Subject}, is refused: {Problem}", remotePeer, peer.Subject, problem);
            return false;
        }

        return true;
    }

    /// <summary>Shakes hands with itself, as server and as client. What does not work is found before the node joins;
    /// and the first handshake of a process takes a third of a second of processor time, for code and for the machine's
    /// authorities, later ones a hundredth: on a busy machine the others would not wait for so long, and take each
    /// other for dead.</summary>
    /// <exception cref="SettingsException">It does not work.</exception>
    public async Task WarmUpAsync()
    {
        using var patience = new CancellationTokenSource(HandshakePatience);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        try
        {
            listener.Start();
            using var client = new TcpClient();
            await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, patience.Token);
            using var server = await listener.AcceptTcpClientAsync(patience.Token);
            await using var shown = new SslStream(server.GetStream());
            await using var seen = new SslStream(client.GetStream());
            await Task.WhenAll(
                OrEndBothAsync(shown.AuthenticateAsServerAsync(
                    new SslServerAuthenticationOptions
                    {
                        ServerCertificate = certificate,
                        ClientCertificateRequired = true,
                        RemoteCertificateValidationCallback = IsOwn,
                    },
                    patience.Token)),
                OrEndBothAsync(seen.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        // Whatever name: what the others reach the node by is theirs to check.
                        TargetHost = IPAddress.Loopback.ToString(),
                        ClientCertificates = [certificate],
                        RemoteCertificateValidationCallback = IsOwn,
                    },
                    patience.Token)));
        }
        catch (Exception e) when (e is AuthenticationException or CryptographicException or IOException
            or SocketException
            or OperationCanceledException)
        {
            // The outer message only says that there is an inner one.
            throw new SettingsException(
                $"Ledger:Cluster:Tls: no handshake comes about with the node's own certificate: "
                    + $"{e.GetBaseException().Message}");
        }

        // The other side would wait for what does not come.
        async Task OrEndBothAsync(Task side)
        {
            try
            {
                await side;
            }
            catch
            {
                await patience.CancelAsync();
                throw;
            }
        }

        bool IsOwn(object sender, X509Certificate? peer, X509Chain? chain, SslPolicyErrors errors) =>
            peer is X509Certificate2 other && other.Thumbprint == certificate.Thumbprint
            && Problem(other, chain?.ChainPolicy.ExtraStore) is null;
    }

    private static X509Certificate2 LoadCertificate(ClusterTlsOptions options)
    {
        var path = options.CertificatePath!;
        var password = options.PasswordPath is { Length: > 0 } file ? File.ReadLines(file).FirstOrDefault() : null;
        var type = X509Certificate2.GetCertContentType(path);
        if (type == X509ContentType.Pfx)
        {
            return X509CertificateLoader.LoadPkcs12FromFile(path, password);
        }

        if (options.KeyPath is not { Length: > 0 } key)
        {
            throw new SettingsException(
                "Ledger:Cluster:Tls:KeyPath is missing: a PEM certificate does not hold its key");
        }

        return password is null
            ? X509Certificate2.CreateFromPemFile(path, key)
            : X509Certificate2.CreateFromEncryptedPemFile(path, password, key);
    }

    // What the others would refuse is refused here, where there is somebody to read why.
    private void CheckOwn(ClusterTlsOptions options, TimeProvider time, string hostName)
    {
        if (!certificate.HasPrivateKey)
        {
            throw new SettingsException(
                $"Ledger:Cluster:Tls:CertificatePath: {options.CertificatePath} holds no private key");
        }

        if (Problem(certificate, null, time.GetUtcNow()) is { } problem)
        {
            throw new SettingsException(
                $"Ledger:Cluster:Tls: the other nodes would refuse {options.CertificatePath}: {problem}");
        }

        if (validateHostName && !certificate.MatchesHostname(hostName))
        {
            throw new SettingsException(
                $"Ledger:Cluster:Tls: the other nodes would refuse {options.CertificatePath}: it is not for "
                + $"'{hostName}', by which they reach this node (Ledger:Cluster:PublicHostName, or HostName). Its "
                + $"names are: {string.Join(", ", Names(certificate))}");
        }

        if (certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage
            && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature))
        {
            throw new SettingsException(
                $"Ledger:Cluster:Tls: the other nodes would refuse {options.CertificatePath}: its key may not be used "
                + $"for digital signatures, which TLS needs; its key usage is {usage.KeyUsages}");
        }
    }

    private static IEnumerable<string> Names(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is { } names
            ? names.EnumerateDnsNames()
                .Concat(names.EnumerateIPAddresses().Select(static address => address.ToString()))
            : [certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false)];

    private string? Problem(
        X509Certificate2 peer, X509Certificate2Collection? intermediates, DateTimeOffset? now = null)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                ApplicationPolicy = { new Oid(ServerAuthentication), new Oid(ClientAuthentication) },
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(authority);
        if (intermediates is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        }

        if (now is { } time)
        {
            chain.ChainPolicy.VerificationTime = time.LocalDateTime;
            chain.ChainPolicy.VerificationTimeIgnored = false;
        }

        if (requireMark && !NodeMark.IsOn(peer))
        {
            return $"it does not say that it is a node's, by the URI {NodeMark.Example} among its names"
                + " (Ledger:Cluster:Tls:RequireNodeMark)";
        }

        return chain.Build(peer)
            ? null
            : string.Join(' ', chain.ChainStatus.Select(static status => status.StatusInformation).Distinct());
    }
}
