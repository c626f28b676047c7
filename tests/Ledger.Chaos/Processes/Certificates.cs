using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ledger.Chaos.Processes;

/// <summary>An authority of the run's own, and a certificate of it for each node: for the address by which others know
/// it.</summary>
internal sealed class Certificates
{
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly string _directory;

    private Certificates(string directory) => _directory = directory;

    public string Authority => Path.Combine(_directory, "authority.pem");

    public static Certificates Make(string directory, IReadOnlyList<IPAddress> nodes)
    {
        Directory.CreateDirectory(directory);
        var certificates = new Certificates(directory);
        var from = TimeProvider.System.GetUtcNow().AddHours(-2);
        var to = from.AddDays(2);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest(
            "CN=Ledger chaos authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        authorityRequest.CertificateExtensions.Add(
            new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, critical: false));
        using var authority = authorityRequest.CreateSelfSigned(from, to);
        File.WriteAllText(certificates.Authority, authority.ExportCertificatePem());
        for (var node = 0; node < nodes.Count; node++)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={nodes[node]}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
            request.CertificateExtensions.Add(
                new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
                [ServerAuthentication, ClientAuthentication], critical: false));
            request.CertificateExtensions.Add(
                X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(nodes[node]);
            names.AddUri(new Uri("spiffe://ledger.example/ledger-node"));
            request.CertificateExtensions.Add(names.Build());
            var serial = RandomNumberGenerator.GetBytes(16);
            serial[0] = (byte)((serial[0] & 0x7F) | 1);
            using var certificate = request.Create(authority, from, to.AddHours(-1), serial);
            File.WriteAllText(certificates.Of(node), certificate.ExportCertificatePem());
            File.WriteAllText(certificates.KeyOf(node), key.ExportPkcs8PrivateKeyPem());
        }

        return certificates;
    }

    public string Of(int node) => Path.Combine(_directory, FormattableString.Invariant($"node{node}.pem"));

    public string KeyOf(int node) => Path.Combine(_directory, FormattableString.Invariant($"node{node}.key"));
}
