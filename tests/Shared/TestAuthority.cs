using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ledger.Tests.Shared;

/// <summary>An authority with certificates of its own, as files.</summary>
internal sealed class TestAuthority
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly string directory;
    private readonly X509Certificate2 authority;

    public TestAuthority(string directory, string name)
    {
        this.directory = directory;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        Path = System.IO.Path.Combine(directory, name + ".authority.pem");
        File.WriteAllText(Path, authority.ExportCertificatePem());
        Trusted = [X509CertificateLoader.LoadCertificate(authority.RawData)];
    }

    /// <summary>The file with its certificate.</summary>
    public string Path { get; }

    public X509Certificate2Collection Trusted { get; }

    /// <summary>Writes a certificate for a node on this machine; one of the same name is replaced.</summary>
    public (string Certificate, string Key) Server(string name) =>
        Write(name, Issue(name, null, ServerAuthentication, 7));

    /// <summary>A certificate of a caller.</summary>
    /// <param name="uri">Its principal; null for none.</param>
    /// <param name="days">For how long it is valid; 0 for one that has expired.</param>
    /// <param name="isForServers">Whether it is one of a server.</param>
    public X509Certificate2 Client(string? uri, int days = 7, bool isForServers = false) =>
        Issue("client", uri, isForServers ? ServerAuthentication : ClientAuthentication, days);

    /// <summary>Writes a certificate of a caller.</summary>
    public (string Certificate, string Key) ClientFiles(string name, string uri) => Write(name, Client(uri));

    private (string Certificate, string Key) Write(string name, X509Certificate2 certificate)
    {
        var (path, key) = (
            System.IO.Path.Combine(directory, name + ".pem"), System.IO.Path.Combine(directory, name + ".key"));
        File.WriteAllText(path, certificate.ExportCertificatePem());
        File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return (path, key);
    }

    private X509Certificate2 Issue(string name, string? uri, string usage, int days)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        if (uri is not null)
        {
            names.AddUri(new Uri(uri));
        }

        request.CertificateExtensions.Add(names.Build());
        var begin = DateTimeOffset.UtcNow.AddHours(-1);
        using var issued = request.Create(
            authority, begin, days == 0 ? begin.AddMinutes(30) : begin.AddDays(days),
            [0xa3, .. RandomNumberGenerator.GetBytes(11)]);
        using var own = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(
            own.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
