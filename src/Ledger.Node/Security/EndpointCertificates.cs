using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node.Security;

/// <summary>The certificates of the addresses that callers reach, as they are now on disk. A change that can't be used
/// leaves those in force that were. Thread-safe.</summary>
internal sealed partial class EndpointCertificates : IDisposable
{
    private const string Section = "Ledger:Tls";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan s_expiryWarning = TimeSpan.FromDays(2);
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(2);

    private readonly EndpointTlsOptions options;
    private readonly TimeProvider clock;
    private readonly Lock gate = new();
    private ITimer? timer;
    private ILogger? logger;
    private string stamp;
    private int versions;
    private volatile Loaded current;
    private volatile string? problem;

    private EndpointCertificates(EndpointTlsOptions options, TimeProvider clock)
    {
        this.options = options;
        this.clock = clock;
        stamp = Stamp();
        current = Load();
    }

    /// <summary>Whether callers may show certificates.</summary>
    public bool TakesClients => options.ClientAuthorityPath is not null;

    /// <summary>The authority of callers; empty where none are taken.</summary>
    public X509Certificate2Collection ClientAuthority => current.ClientAuthority;

    /// <summary>Another number after each change.</summary>
    public int Version => current.Version;

    /// <summary>Why the files as they are now are not in force; null while they are.</summary>
    public string? Problem => problem;

    /// <summary>Until when the node's own certificate is valid.</summary>
    public DateTimeOffset ValidTo => new(current.Context.TargetCertificate.NotAfter.ToUniversalTime());

    /// <summary>Called after other certificates have come into force.</summary>
    public Action? Changed { get; set; }

    /// <summary>Called after a look that has found the files changed: with null where they are in force then, and else
    /// with why they are not.</summary>
    public Action<string?>? Looked { get; set; }

    /// <summary>Called when a caller's certificate is refused in the handshake: with its address, the certificate, and
    /// why.</summary>
    public Action<EndPoint?, X509Certificate2, string>? Refused { get; set; }

    /// <summary>Loads the certificates; null where the settings name none.</summary>
    /// <exception cref="SettingsException">They are missing or no use.</exception>
    public static EndpointCertificates? TryLoad(EndpointTlsOptions options, TimeProvider clock)
    {
        foreach (var (setting, path) in ((string, string?)[])
            [
                (nameof(options.CertificatePath), options.CertificatePath), (nameof(options.KeyPath), options.KeyPath),
                (nameof(options.PasswordPath), options.PasswordPath),
                (nameof(options.ClientAuthorityPath), options.ClientAuthorityPath),
                (nameof(options.RevokedPath), options.RevokedPath),
            ])
        {
            if (path is not null && !File.Exists(path))
            {
                throw new SettingsException($"{Section}:{setting}: there is no file {path}");
            }
        }

        if (options.CertificatePath is not { Length: > 0 })
        {
            return options.ClientAuthorityPath is null && options.KeyPath is null && options.RevokedPath is null
                ? null
                : throw new SettingsException(
                    $"{Section} has no CertificatePath: without it nothing of the section is used");
        }

        if (options.KeyPath is not { Length: > 0 })
        {
            throw new SettingsException($"{Section}:KeyPath is missing: a PEM certificate does not hold its key");
        }

        if (options is { RevokedPath: not null, ClientAuthorityPath: null })
        {
            throw new SettingsException($"{Section}:RevokedPath means nothing without {Section}:ClientAuthorityPath");
        }

        try
        {
            return new EndpointCertificates(options, clock);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            throw new SettingsException($"{Section}: the certificates can't be used: {e.Message}");
        }
    }

    /// <summary>Begins to look after the files.</summary>
    public void Watch(ILogger<EndpointCertificates> told)
    {
        logger = told;
        timer ??= clock.CreateTimer(
            static self => ((EndpointCertificates)self!).Look(), this, s_lookEvery, s_lookEvery);
    }

    /// <summary>What a new connection is shaken hands with.</summary>
    /// <param name="from">Where it comes from.</param>
    public SslServerAuthenticationOptions Handshake(EndPoint? from = null) => new()
    {
        ServerCertificateContext = current.Context,
        ClientCertificateRequired = TakesClients,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = (_, peer, chain, _) =>
            !TakesClients || peer is null || Takes((X509Certificate2)peer, chain, from),
    };

    /// <summary>Why a caller's certificate is not taken; null when it is.</summary>
    /// <param name="peer">The certificate.</param>
    /// <param name="intermediates">What came with it.</param>
    public string? Refusal(X509Certificate2 peer, X509Certificate2Collection? intermediates)
    {
        if (IsRevoked(peer))
        {
            return "it is revoked";
        }

        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                ApplicationPolicy = { new Oid(ClientAuthentication) },
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(current.ClientAuthority);
        if (intermediates is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        }

        return chain.Build(peer)
            ? null
            : string.Join(' ', chain.ChainStatus.Select(static status => status.StatusInformation).Distinct());
    }

    private bool Takes(X509Certificate2 peer, X509Chain? chain, EndPoint? from)
    {
        if (Refusal(peer, chain?.ChainPolicy.ExtraStore) is not { } why)
        {
            return true;
        }

        Refused?.Invoke(from, peer, why);
        return false;
    }

    /// <summary>Whether a caller's certificate is on the list of those that are not taken any more.</summary>
    public bool IsRevoked(X509Certificate2 peer) => current.Revoked.Contains(peer.SerialNumber.TrimStart('0'));

    /// <summary>Whether those in force are the ones on disk, and not about to expire.</summary>
    public HealthCheckResult Check()
    {
        if (problem is { } why)
        {
            return HealthCheckResult.Degraded($"The certificates before their last change are in force. {why}");
        }

        return ValidTo - clock.GetUtcNow() < s_expiryWarning
            ? HealthCheckResult.Degraded(
                $"The node's certificate is valid until {ValidTo:u}. Replace the file; it is read again by itself.")
            : HealthCheckResult.Healthy($"The node's certificate is valid until {ValidTo:u}.");
    }

    /// <summary>Looks whether the files have changed, and takes them when they have.</summary>
    public void Look()
    {
        lock (gate)
        {
            try
            {
                var now = Stamp();
                if (string.Equals(now, stamp, StringComparison.Ordinal))
                {
                    return;
                }

                // A certificate and its key are two files: while they do not fit, the next look may find that they do.
                var next = Load();
                stamp = now;
                current = next;
                problem = null;
            }
            catch (Exception e) when (IsOfFiles(e) || e is SettingsException)
            {
                if (!string.Equals(problem, e.Message, StringComparison.Ordinal))
                {
                    problem = e.Message;
                    LogRefused(logger!, e.Message);
                    Looked?.Invoke(e.Message);
                }

                return;
            }
        }

        LogTaken(logger!, ValidTo);
        Changed?.Invoke();
        Looked?.Invoke(null);
    }

    public void Dispose() => timer?.Dispose();

    private static bool IsOfFiles(Exception e) =>
        e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException;

    private Loaded Load()
    {
        var password = options.PasswordPath is { } file ? File.ReadLines(file).FirstOrDefault() : null;
        var certificate = password is null
            ? X509Certificate2.CreateFromPemFile(options.CertificatePath!, options.KeyPath)
            : X509Certificate2.CreateFromEncryptedPemFile(options.CertificatePath!, password, options.KeyPath);
        if (certificate.NotAfter.ToUniversalTime() <= clock.GetUtcNow().UtcDateTime)
        {
            throw new SettingsException(
                $"{Section}:CertificatePath: {options.CertificatePath} expired at {certificate.NotAfter:u}");
        }

        var sent = new X509Certificate2Collection();
        sent.ImportFromPemFile(options.CertificatePath!);
        var authority = new X509Certificate2Collection();
        if (options.ClientAuthorityPath is { } path)
        {
            authority.ImportFromPemFile(path);
            if (authority.Count == 0)
            {
                throw new SettingsException($"{Section}:ClientAuthorityPath: {path} holds no certificate");
            }
        }

        return new Loaded(
            SslStreamCertificateContext.Create(certificate, sent, offline: true), authority,
            options.RevokedPath is { } revoked ? ReadSerials(revoked) : [], ++versions);
    }

    private static HashSet<string> ReadSerials(string path)
    {
        var serials = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in File.ReadLines(path))
        {
            // As openssl prints it, and as others do; leading zeros are a matter of form.
            var serial = line.Split('#')[0].Split('=')[^1].Replace(":", "", StringComparison.Ordinal).Trim();
            if (!serial.All(char.IsAsciiHexDigit))
            {
                throw new SettingsException(
                    $"{Section}:RevokedPath: '{line}' is no serial number, which is hexadecimal");
            }

            if (serial.Length > 0)
            {
                serials.Add(serial.TrimStart('0'));
            }
        }

        return serials;
    }

    private string Stamp() => string.Join('\n', ((string?[])
        [options.CertificatePath, options.KeyPath, options.PasswordPath, options.ClientAuthorityPath,
            options.RevokedPath])
        .Where(static path => path is not null)
        .Select(static path =>
        {
            var file = new FileInfo(path!);
            var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            return target.Exists ? $"{target.FullName} {target.LastWriteTimeUtc.Ticks} {target.Length}" : "";
        }));

    [LoggerMessage(
        1, LogLevel.Information,
        "The certificates of Ledger:Tls have been read anew; the node's own is valid until {ValidTo}")]
    private static partial void LogTaken(ILogger logger, DateTimeOffset validTo);

    [LoggerMessage(
        2, LogLevel.Error,
        "The changed certificates of Ledger:Tls are not used, and those before them stay in force: {Problem}. Correct "
            + "the files; they are read again by themselves")]
    private static partial void LogRefused(ILogger logger, string problem);

    private sealed record Loaded(
        SslStreamCertificateContext Context, X509Certificate2Collection ClientAuthority, HashSet<string> Revoked,
        int Version);
}
