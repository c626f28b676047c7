using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using Ledger.Tests.Shared;

namespace Ledger.Node.Tests;

/// <summary>Goal: only nodes with a certificate of the cluster's own authority become members. Method: what is shown to
/// the check itself, and nodes as processes that try to join.</summary>
[Collection(PostgresCollection.Name)]
public sealed class ClusterTlsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-tls-");
    private readonly HttpClient http = new();

    [Fact]
    public void Only_certificates_of_the_own_authority_and_for_the_right_name_are_accepted()
    {
        var own = new DevCertificates(Under("own"), "node-1", "node-2");
        var foreign = new DevCertificates(Under("foreign"), "node-2");
        var tls = Load(own, "node-1")!;
        using var peer = X509CertificateLoader.LoadCertificateFromFile(own.Certificate("node-2"));
        using var stranger = X509CertificateLoader.LoadCertificateFromFile(foreign.Certificate("node-2"));

        tls.Validate(peer, null, "peer", SslPolicyErrors.None, NoLogger.Instance).ShouldBeTrue();

        // What the machine's own authorities say of it does not count: it knows nothing of ours.
        tls.Validate(peer, null, "peer", SslPolicyErrors.RemoteCertificateChainErrors, NoLogger.Instance)
            .ShouldBeTrue();
        tls.Validate(stranger, null, "peer", SslPolicyErrors.None, NoLogger.Instance).ShouldBeFalse();
        tls.Validate(null, null, "peer", SslPolicyErrors.None, NoLogger.Instance).ShouldBeFalse();
        tls.Validate(peer, null, "peer", SslPolicyErrors.RemoteCertificateNameMismatch, NoLogger.Instance)
            .ShouldBeFalse();

        // The last byte belongs to the signature.
        var bytes = peer.RawData;
        bytes[^1] ^= 1;
        using var forged = X509CertificateLoader.LoadCertificate(bytes);
        tls.Validate(forged, null, "peer", SslPolicyErrors.None, NoLogger.Instance).ShouldBeFalse();
    }

    [Fact]
    public void A_certificate_that_the_others_would_refuse_is_refused_at_once()
    {
        var own = new DevCertificates(Under("own"), "node-1");
        var foreign = new DevCertificates(Under("foreign"), "node-1");
        Should.Throw<SettingsException>(() => ClusterTls.Load(
            new ClusterTlsOptions
            {
                CertificatePath = foreign.Certificate("node-1"), KeyPath = foreign
                    .Key("node-1"), AuthorityPath = own.Authority,
            },
            isDevelopment: false, TimeProvider.System, "node-1")).Message.ShouldContain("would refuse");
        Should.Throw<SettingsException>(() => ClusterTls.Load(
            new ClusterTlsOptions { CertificatePath = own.Certificate("node-1"), AuthorityPath = own.Authority },
            isDevelopment: false, TimeProvider.System, "node-1")).Message.ShouldContain("KeyPath");
        Should.Throw<SettingsException>(() => ClusterTls.Load(
            new ClusterTlsOptions
            {
                CertificatePath = Under("nowhere.pem"), KeyPath = own.Key("node-1"), AuthorityPath = own.Authority,
            },
            isDevelopment: true, TimeProvider.System, "node-1")).Message.ShouldContain("nowhere.pem");
    }

    [Fact]
    public async Task A_node_shakes_hands_with_itself_before_it_joins()
    {
        var own = new DevCertificates(Under("own"), "node-1");
        await Load(own, "node-1")!.WarmUpAsync();
    }

    [Fact]
    public async Task A_certificate_that_no_handshake_comes_about_with_is_refused_before_the_node_joins()
    {
        using var authorityKey = RSA.Create(2048);
        var authority = new CertificateRequest(
            "CN=authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var from = DateTimeOffset.UtcNow.AddDays(-1);
        using var root = authority.CreateSelfSigned(from, from.AddDays(3));

        // Well signed, and too short for any handshake.
        using var key = RSA.Create(512);
        var request = new CertificateRequest("CN=node-1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var node = request.Create(root, from, from.AddDays(2), [1, 2, 3]);
        await File.WriteAllTextAsync(Under("authority.pem"), root.ExportCertificatePem());
        await File.WriteAllTextAsync(Under("node.pem"), node.ExportCertificatePem());
        await File.WriteAllTextAsync(Under("node.key"), key.ExportPkcs8PrivateKeyPem());
        var tls = ClusterTls.Load(
            new ClusterTlsOptions
            {
                CertificatePath = Under("node.pem"),
                KeyPath = Under("node.key"), AuthorityPath = Under("authority.pem"),
                RequireNodeMark = false,
            },
            isDevelopment: false, TimeProvider.System, "node-1")!;
        (await Should.ThrowAsync<SettingsException>(tls.WarmUpAsync)).Message.ShouldContain("no handshake comes about");
    }

    [Fact]
    public async Task A_node_joins_with_the_authority_and_not_without_it()
    {
        var own = new DevCertificates(Under("own"), "node-1", "node-2");
        var foreign = new DevCertificates(Under("foreign"), "node-3");
        var database = PostgresServer.Shared.CreateDatabase();
        var port = LoopbackPort.Next();
        string[] clustered =
        [
            "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={database}",
            $"--Ledger:Cluster:SeedNodes:0=127.0.0.1:{port}",
            "--Ledger:Cluster:Size=1", "--Ledger:Cluster:JoinTimeout=00:00:05",
        ];
        using var first = new NodeProcess(
            directory.FullName, [.. clustered, $"--Ledger:Cluster:Port={port}", .. own.Settings("node-1")]);
        var url = await first.ListeningAsync();
        using var second = new NodeProcess(
            directory.FullName, [.. clustered, "--Ledger:Cluster:Port=0", .. own.Settings("node-2")]);
        await second.ListeningAsync();
        await UntilAsync(url, "2 of 2 nodes");

        using var stranger = new NodeProcess(
            directory.FullName, [.. clustered, "--Ledger:Cluster:Port=0", .. foreign.Settings("node-3")]);
        using var plain = new NodeProcess(
            directory.FullName, [.. clustered, "--Ledger:Cluster:Port=0", "--Ledger:Cluster:Tls:Enabled=false"]);
        (await stranger.ExitAsync()).ShouldBe(1, stranger.Output);
        (await plain.ExitAsync()).ShouldBe(1, plain.Output);
        first.Output.ShouldContain("is refused");
        (await HealthAsync(url)).ShouldContain("2 of 2 nodes");

        second.Terminate();
        (await second.ExitAsync()).ShouldBe(0, second.Output);
        await UntilAsync(url, "1 of 1 nodes");
        first.Terminate();
        (await first.ExitAsync()).ShouldBe(0, first.Output);
    }

    [Fact]
    public async Task A_handshake_that_breaks_off_or_is_refused_ends_no_node()
    {
        var own = new DevCertificates(Under("own"), "node-1");
        var foreign = new DevCertificates(Under("foreign"), "node-2");
        using var certificate =
            X509Certificate2.CreateFromPemFile(foreign.Certificate("node-2"), foreign.Key("node-2"));
        using var resetting = new TcpListener(IPAddress.Loopback, 0);
        using var posing = new TcpListener(IPAddress.Loopback, 0);
        resetting.Start();
        posing.Start();
        var resets = ServeAsync(resetting, static async connection =>
        {
            // The client's greeting has come: the handshake is under way. With no time to linger, closing resets.
            await connection.ReceiveAsync(new byte[1]);
            connection.LingerState = new LingerOption(enable: true, seconds: 0);
        });
        var posed = ServeAsync(posing, async connection =>
        {
            await using var tls = new SslStream(new NetworkStream(connection));
            await tls.AuthenticateAsServerAsync(certificate);
            await tls.ReadExactlyAsync(new byte[1]);
        });

        // The first seed node asks the others, before it founds a cluster, whether there is one.
        var port = LoopbackPort.Next();
        using var node = new NodeProcess(
            directory.FullName,
            [
                "--Ledger:Mode=Clustered", $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
                $"--Ledger:Cluster:SeedNodes:0=127.0.0.1:{port}",
                $"--Ledger:Cluster:SeedNodes:1=127.0.0.1:{((IPEndPoint)resetting.LocalEndpoint).Port}",
                $"--Ledger:Cluster:SeedNodes:2=127.0.0.1:{((IPEndPoint)posing.LocalEndpoint).Port}",
                "--Ledger:Cluster:Size=1", $"--Ledger:Cluster:Port={port}", .. own.Settings("node-1"),
            ]);
        var url = await node.ListeningAsync();
        await UntilAsync(url, "1 of 1 nodes");

        (await resets.WaitAsync(Patience)).ShouldBeTrue();
        (await posed.WaitAsync(Patience)).ShouldBeTrue();
        node.Output.ShouldContain("TLS handshake failed");
        node.Output.ShouldContain("CN=node-2");
        node.Output.ShouldContain("is refused");
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    // Whether somebody came. Whoever comes is treated alike, until the listener stops.
    private static Task<bool> ServeAsync(TcpListener listener, Func<Socket, Task> treat)
    {
        var came = new TaskCompletionSource<bool>();
        _ = Task.Run(async () =>
        {
            while (true)
            {
                using var connection = await listener.AcceptSocketAsync();
                try
                {
                    await treat(connection);
                }
                catch (Exception e) when (e is IOException or SocketException or AuthenticationException)
                {
                    // Hung up on, as it should be.
                }

                came.TrySetResult(true);
            }
        });
        return came.Task;
    }

    private static ClusterTls? Load(DevCertificates certificates, string host) => ClusterTls.Load(
        new ClusterTlsOptions
        {
            CertificatePath = certificates.Certificate(host),
            KeyPath = certificates.Key(host),
            AuthorityPath = certificates.Authority,
        },
        isDevelopment: false, TimeProvider.System, host);

    private string Under(string name) => Path.Combine(directory.FullName, name);

    private async Task<string> HealthAsync(Uri url) =>
        await (await http.GetAsync(new Uri(url, "/health"))).Content.ReadAsStringAsync();

    private async Task UntilAsync(Uri url, string text)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!(await HealthAsync(url)).Contains(text, StringComparison.Ordinal))
        {
            await Task.Delay(50, patience.Token);
        }
    }
}
