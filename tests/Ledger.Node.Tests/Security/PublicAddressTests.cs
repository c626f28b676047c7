using System.Net;
using Ledger.Access;
using Ledger.Tests.Shared;

namespace Ledger.Node.Tests.Security;

/// <summary>A node that other machines reach serves nobody whom it does not know, unless it is told to.</summary>
public sealed class PublicAddressTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-public-");

    public void Dispose() => directory.Delete(recursive: true);

    [Theory]
    [InlineData(
        "Ledger:Http:Url is http://0.0.0.0:0", "--Ledger:Http:Url=http://0.0.0.0:0", "--Ledger:Grpc:EnableJson=true")]
    [InlineData("Ledger:Grpc:Url is http://*:0", "--Ledger:Grpc:Url=http://*:0")]
    [InlineData("Ledger:Grpc:Url is http://[::]:0", "--Ledger:Grpc:Url=http://[::]:0")]
    [InlineData("Set Ledger:Security:PolicyPath", "--Ledger:Grpc:Url=http://0.0.0.0:0")]
    [InlineData(
        "Set Ledger:Security:Mode=Required", "--Ledger:Grpc:Url=http://0.0.0.0:0", "--Ledger:Security:Mode=Anonymous")]
    [InlineData("nothing says who may do what", "--Ledger:Security:Mode=Required")]
    [InlineData(
        "nobody could say who they are", "--Ledger:Security:Mode=Required", "--Ledger:Security:PolicyPath=empty.json")]
    [InlineData("Use https", "--Ledger:Grpc:Url=http://0.0.0.0:0", "--Ledger:Security:PolicyPath=keys.json")]
    [InlineData("so that nobody would be asked", "--Ledger:Security:PolicyPath=keys.json")]
    [InlineData(
        "The policy can't be used: principals.a.grants[0].do names 'al'", "--Ledger:Security:Mode=Required",
        "--Ledger:Security:PolicyPath=bad.json")]
    [InlineData(
        "needs the issuer's keys", "--Ledger:Security:Mode=Required", "--Ledger:Security:Jwt:Issuer=https://issuer")]
    [InlineData(
        "must be an https address", "--Ledger:Security:Mode=Required", "--Ledger:Security:Jwt:Issuer=https://issuer",
        "--Ledger:Security:Jwt:JwksUrl=http://issuer/keys")]
    [InlineData(
        "Algorithms names 'HS256'", "--Ledger:Security:Mode=Required", "--Ledger:Security:Jwt:Issuer=https://issuer",
        "--Ledger:Security:Jwt:JwksUrl=https://issuer/keys", "--Ledger:Security:Jwt:Algorithms:0=HS256")]
    [InlineData(
        "holds no public key", "--Ledger:Security:Mode=Required", "--Ledger:Security:Jwt:Issuer=https://issuer",
        "--Ledger:Security:Jwt:JwksPath=secret.jwks")]
    [InlineData("KeyPath is missing", "--Ledger:Tls:CertificatePath=keys.json")]
    [InlineData("can't be used", "--Ledger:Tls:CertificatePath=keys.json", "--Ledger:Tls:KeyPath=keys.json")]
    public async Task What_would_be_open_or_does_not_go_together_does_not_start(string said, params string[] arguments)
    {
        Write("empty.json", """{"principals": {}}""");
        Write("bad.json", """{"principals": {"a": {"grants": [{"do": ["al"], "accounts": ["**"]}]}}}""");
        Write("keys.json", """
            {"principals": {"a": {"grants": []}},
             "keys": {"k": {"principal": "a", "sha256": "HASH", "expireTime": "2099-01-01T00:00:00Z"}}}
            """.Replace("HASH", Convert.ToHexString(ApiKey.Create("k").Hash.AsSpan()), StringComparison.Ordinal));
        Write("secret.jwks", """{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "1"}]}""");
        using var node = new NodeProcess(directory.FullName, arguments);
        (await node.ExitAsync()).ShouldBe(1);
        var line = node.Output.Split('\n').Single(static one => one.StartsWith("ledger: ", StringComparison.Ordinal));
        line.ShouldContain(said);
        Directory.Exists(Path.Combine(directory.FullName, "data")).ShouldBeFalse("Nothing is opened.");
    }

    [Fact]
    public async Task Where_it_is_told_to_a_node_serves_everybody_and_says_so()
    {
        using var node = new NodeProcess(
            directory.FullName, "--Ledger:Http:Url=http://0.0.0.0:0", "--Ledger:Grpc:Url=http://0.0.0.0:0",
            "--Ledger:Security:AllowAnonymous=true", "--Ledger:Security:Mode=Anonymous");
        var json = await node.ListeningAsync();
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{json.Port}") };
        await Until.TrueAsync(() => node.Output.Contains("whoever does may move all money", StringComparison.Ordinal));
        (await http.GetStringAsync("/health")).ShouldContain("Nobody is asked who they are");
        using (var ready = await http.GetAsync("/health/ready"))
        {
            ready.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        // The forms for this machine are not served to others.
        using var accounts = await http.GetAsync("/v1/accounts");
        accounts.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await accounts.Content.ReadAsStringAsync()).ShouldContain("Ledger:Grpc:EnableJson=true");
        node.Output.ShouldContain("Ledger:Grpc:EnableReflection = False");
    }

    [Fact]
    public async Task Health_alone_may_be_asked_by_other_machines()
    {
        using var node = new NodeProcess(directory.FullName, "--Ledger:Http:Url=http://0.0.0.0:0");
        var json = await node.ListeningAsync();
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{json.Port}") };
        using (var ready = await http.GetAsync("/health/ready"))
        {
            ready.StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        using var accounts = await http.GetAsync("/v1/accounts");
        accounts.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        node.Output.ShouldNotContain("move all money");
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(directory.FullName, name), text);
}
