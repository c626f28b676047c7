using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ledger.Node.Tests;

/// <summary>Goal: a certificate that the other nodes would refuse is refused where it is, before the node starts, for
/// the reason that they would have. Method: certificates of one authority with one thing wrong each.</summary>
public sealed class CertificateCheckTests : IDisposable
{
    private static readonly TimeProvider s_time = TimeProvider.System;

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-certificate-");

    [Fact]
    public void One_for_the_nodes_name_is_taken() =>
        Load("node-1", names => names.AddDnsName("node-1"), Usual, -1, 30).ShouldNotBeNull();

    [Fact]
    public void One_for_another_name_is_refused_with_the_names_that_it_has()
    {
        var told = Refused(
            names => { names.AddDnsName("node-2"); names.AddIpAddress(System.Net.IPAddress.Loopback); }, Usual, -1, 30);
        told.ShouldContain("not for 'node-1'");
        told.ShouldContain("PublicHostName");
        told.ShouldContain("node-2, 127.0.0.1");
    }

    [Theory]
    [InlineData(-30, -1)]
    [InlineData(1, 30)]
    public void One_that_is_not_valid_now_is_refused(int from, int to) =>
        Refused(static names => names.AddDnsName("node-1"), Usual, from, to).ShouldContain("would refuse");

    [Fact]
    public void One_whose_key_may_not_sign_is_refused() => Refused(
        static names =>
            names.AddDnsName("node-1"), static request => Purposes(request, X509KeyUsageFlags.KeyAgreement), -1, 30)
        .ShouldContain("digital");

    [Fact]
    public void One_that_is_not_for_a_client_is_refused() => Refused(
        static names => names.AddDnsName("node-1"),
        static request => request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false)),
        -1, 30).ShouldContain("would refuse");

    [Fact]
    public void One_that_is_not_marked_as_a_nodes_is_refused_unless_a_setting_takes_it()
    {
        Should.Throw<SettingsException>(
            () => Load("node-1", static names => names.AddDnsName("node-1"), Usual, -1, 30, isMarked: false))
            .Message.ShouldContain(NodeMark.Example);
        Should.Throw<SettingsException>(() => Load(
            "node-1",
            static names =>
            {
                names.AddDnsName("node-1");
                names.AddUri(new Uri("spiffe://ledger.example/payments"));
                names.AddUri(new Uri("https://ledger.example/ledger-node"));
                names.AddDnsName("spiffe.ledger-node");
            },
            Usual, -1, 30, isMarked: false)).Message.ShouldContain("RequireNodeMark");
        Load("node-1", static names => names.AddDnsName("node-1"), Usual, -1, 30, isMarked: false, requireMark: false)
            .ShouldNotBeNull();
    }

    public void Dispose() => directory.Delete(recursive: true);

    private string Refused(
        Action<SubjectAlternativeNameBuilder> named, Action<CertificateRequest> purposes, int from, int to) =>
        Should.Throw<SettingsException>(() => Load("node-1", named, purposes, from, to)).Message;

    private ClusterTls? Load(
        string host, Action<SubjectAlternativeNameBuilder> named, Action<CertificateRequest> purposes, int fromDays,
        int toDays,
        bool isMarked = true, bool requireMark = true)
    {
        var now = s_time.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-60), now.AddDays(60));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        named(names);
        if (isMarked)
        {
            names.AddUri(new Uri(NodeMark.Example));
        }

        request.CertificateExtensions.Add(names.Build());
        purposes(request);
        using var node = request.Create(authority, now.AddDays(fromDays), now.AddDays(toDays), [1, 2, 3]);
        File.WriteAllText(Under("authority.pem"), authority.ExportCertificatePem());
        File.WriteAllText(Under("node.pem"), node.ExportCertificatePem());
        File.WriteAllText(Under("node.key"), key.ExportPkcs8PrivateKeyPem());
        return ClusterTls.Load(
            new ClusterTlsOptions
            {
                CertificatePath = Under("node.pem"),
                KeyPath = Under("node.key"), AuthorityPath = Under("authority.pem"),
                RequireNodeMark = requireMark,
            },
            isDevelopment: false, s_time, host);
    }

    private static void Usual(CertificateRequest request) => Purposes(request, X509KeyUsageFlags.DigitalSignature);

    private static void Purposes(CertificateRequest request, X509KeyUsageFlags usage)
    {
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
    }

    private string Under(string name) => Path.Combine(directory.FullName, name);
}
