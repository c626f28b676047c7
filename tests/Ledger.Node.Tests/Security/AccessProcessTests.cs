using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Ledger.Access;
using Ledger.Client;
using Ledger.Tests.Shared;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Ledger.Node.Tests.Security;

/// <summary>A node as a bank runs it: TLS at both addresses, certificates of callers, tokens of a real issuer, keys,
/// and a policy.</summary>
public sealed class AccessProcessTests : IAsyncLifetime
{
    private const string Payments = "spiffe://bank/payments";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-access-");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) key = ApiKey.Create("ops1");
    private readonly (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) old = ApiKey.Create("old1");
    private TestAuthority authority = null!;
    private TestIssuer issuer = null!;
    private NodeProcess node = null!;
    private Uri json = null!;
    private Uri grpc = null!;
    private X509Certificate2 revoked = null!;

    private string PolicyPath => Path.Combine(directory.FullName, "policy.json");

    private string RevokedPath => Path.Combine(directory.FullName, "revoked.txt");

    public async Task InitializeAsync()
    {
        authority = new TestAuthority(directory.FullName, "bank");
        issuer = await TestIssuer.StartAsync();
        revoked = authority.Client(Payments);
        await File.WriteAllTextAsync(RevokedPath, $"# lost\n{revoked.SerialNumber}\n");
        await File.WriteAllTextAsync(PolicyPath, Policy("users:**"));
        var (certificate, privateKey) = authority.Server("node");
        node = new NodeProcess(
            directory.FullName,
            "--Ledger:Grpc:Url=https://127.0.0.1:0", "--Ledger:Http:Url=https://127.0.0.1:0",
            $"--Ledger:Tls:CertificatePath={certificate}", $"--Ledger:Tls:KeyPath={privateKey}",
            $"--Ledger:Tls:ClientAuthorityPath={authority.Path}", $"--Ledger:Tls:RevokedPath={RevokedPath}",
            "--Ledger:Security:Mode=Required", $"--Ledger:Security:PolicyPath={PolicyPath}",
            $"--Ledger:Security:Jwt:Issuer={issuer.Name}", $"--Ledger:Security:Jwt:JwksUrl={issuer.Keys}");
        json = await node.ListeningAsync();
        grpc = await node.GrpcListeningAsync();
    }

    public async Task DisposeAsync()
    {
        node.Dispose();
        await issuer.DisposeAsync();
        directory.Delete(recursive: true);
    }

    [Fact]
    public async Task A_certificate_a_token_and_a_key_each_do_what_their_policy_allows()
    {
        using var byKey = Connect(token: key.Key);
        await byKey.OpenAccountsAsync([Account("users:1"), Account("bank")]);
        var token = await issuer.TokenAsync("teller");
        using var byToken = Connect(token: token);
        using var byCertificate = Connect(authority.Client(Payments));
        var paid = await byCertificate.PostTransferAsync(Pay("bank", "users:1"));
        paid.Status.ShouldBe(Client.TransferStatus.Created);
        (await byToken.GetAccountAsync("users:1")).ShouldNotBeNull().Balances.CreditsPosted.ShouldBe((UInt128)1);

        // What the policy does not allow: to a caller that is known, and says which kind of call it is.
        (await DeniedAsync(() => byToken.PostTransferAsync(Pay("bank", "users:1")))).ShouldBe("PERMISSION_DENIED");
        (await DeniedAsync(() => byToken.GetAccountAsync("bank"))).ShouldBe("PERMISSION_DENIED");
        (await DeniedAsync(() => byCertificate.GetAccountAsync("users:1"))).ShouldBe("PERMISSION_DENIED");
        (await DeniedAsync(() => byCertificate.PostTransferAsync(Pay("users:1", "bank"))))
            .ShouldBe("PERMISSION_DENIED");

        // Who did it stands in the journal.
        using var http = Http();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Key);
        var record = await http.GetStringAsync(new Uri(json, $"/v1/accounts/bank/transfers/{paid.Id}"));
        record.ShouldContain(Payments);
    }

    [Fact]
    public async Task Whoever_shows_nothing_or_what_is_not_taken_is_nobody()
    {
        using var rsa = RSA.Create(2048);
        using var keys = new HttpClient();
        var published = new JsonWebKeySet(await keys.GetStringAsync(issuer.Keys));
        var known = published.Keys.First(static one => one.Kty == "RSA");
        var good = await issuer.TokenAsync("teller");
        var parts = good.Split('.');
        var changed = Base64UrlEncoder.Encode(
            Base64UrlEncoder.Decode(parts[1]).Replace("teller", "chief", StringComparison.Ordinal));
        var own = new RsaSecurityKey(rsa) { KeyId = known.KeyId };
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["wrong issuer"] = Forge(
                new SigningCredentials(own, SecurityAlgorithms.RsaSha256), issuer: "http://127.0.0.1:1/"),
            ["own key under the issuer's id"] = Forge(new SigningCredentials(own, SecurityAlgorithms.RsaSha256)),
            ["unknown key"] = Forge(
                new SigningCredentials(new RsaSecurityKey(rsa) { KeyId = "another" }, SecurityAlgorithms.RsaSha256)),
            ["no signature"] = $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"at+jwt"}""")}.{parts[1]}.",
            ["HMAC with the public key"] = Forge(new SigningCredentials(
                new SymmetricSecurityKey(Encoding.UTF8.GetBytes(known.N)) { KeyId = known.KeyId },
                SecurityAlgorithms.HmacSha256)),
            ["changed"] = $"{parts[0]}.{changed}.{parts[2]}",
            ["wrong audience"] = await issuer.TokenAsync("teller", ("for", "another-service")),
            ["valid for too long"] = await issuer.TokenAsync("teller", ("seconds", "36000")),
            ["bound to a certificate that is not shown"] = Forge(issuer.Signature, bound: "AAAA"),
            ["of no lifetime"] = Forge(issuer.Signature, isDated: false),
            ["key of nobody"] = ApiKey.Create("other").Key,
            ["key with another secret"] = ApiKey.Create("ops1").Key,
            ["expired key"] = old.Key,
            ["nothing readable"] = "x",
        };
        var answers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (what, token) in tokens)
        {
            using var client = Connect(token: token);
            var failure = await Should.ThrowAsync<LedgerClientException>(() => client.GetAccountAsync("users:1"), what);
            failure.Code.ShouldBe(StatusCode.Unauthenticated, what);
            failure.Reason.ShouldBe("UNAUTHENTICATED", what);
            failure.OutcomeUnknown.ShouldBeFalse(what);
            using var http = Http();
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await http.GetAsync(new Uri(json, "/v1/accounts/users:1"));
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, what);
            answers.Add(await response.Content.ReadAsStringAsync());
        }

        using (var nothing = Http())
        using (var response = await nothing.PostAsync(
            new Uri(json, "/v1/transfers"), new StringContent("{ not even JSON")))
        {
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            answers.Add(await response.Content.ReadAsStringAsync());
        }

        // One text for all causes.
        answers.Count.ShouldBe(1, string.Join('\n', answers));
    }

    [Fact]
    public async Task A_certificate_that_is_not_taken_ends_in_the_handshake()
    {
        var others = new TestAuthority(directory.FullName, "others");
        foreach (var (what, certificate) in new (string, X509Certificate2)[]
        {
            ("another authority's", others.Client(Payments)), ("revoked", revoked),
            ("expired", authority.Client(Payments, days: 0)),
            ("a server's", authority.Client(Payments, isForServers: true)),
        })
        {
            using var client = Connect(certificate);
            var failure = await Should.ThrowAsync<LedgerClientException>(() => client.GetAccountAsync("users:1"), what);

            // With TLS 1.3 a client learns only afterwards that it was refused: by a connection that breaks. The ledger
            // has said nothing.
            failure.Reason.ShouldBeEmpty($"{what}: {failure.Message}");
            failure.Code.ShouldBeOneOf(StatusCode.Unavailable, StatusCode.Internal);
        }

        // A good one that names nobody comes through the handshake, and is nobody.
        using var unnamed = Connect(authority.Client(null));
        (await Should.ThrowAsync<LedgerClientException>(() => unnamed.GetAccountAsync("users:1"))).Code
            .ShouldBe(StatusCode.Unauthenticated);
    }

    [Fact]
    public async Task A_token_that_is_bound_to_a_certificate_is_taken_with_it()
    {
        var certificate = authority.Client("spiffe://bank/nobody");
        var token = Forge(issuer.Signature, bound: Base64UrlEncoder.Encode(SHA256.HashData(certificate.RawData)));
        using var both = Connect(certificate, token);
        (await both.GetAccountAsync("users:1")).ShouldBeNull("It is let through, and there is none.");
        using var other = Connect(authority.Client("spiffe://bank/nobody"), token);
        (await DeniedAsync(() => other.GetAccountAsync("users:1"))).ShouldBe("UNAUTHENTICATED");
    }

    [Fact]
    public async Task Policy_and_certificates_change_under_load_without_a_failed_call()
    {
        using var operators = Connect(token: key.Key);
        await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
        using var ended = new CancellationTokenSource();
        var calls = 0;
        var token = await issuer.TokenAsync("teller");

        // New connections all the while, so that handshakes are among it.
        var load = Enumerable.Range(0, 4).Select(async number =>
        {
            while (!ended.IsCancellationRequested)
            {
                using var client = number % 2 == 0 ? Connect(authority.Client(Payments)) : Connect(token: token);
                for (var i = 0; i < 5; i++)
                {
                    if (number % 2 == 0)
                    {
                        (await client.PostTransferAsync(Pay("bank", "users:1"))).Status
                            .ShouldBe(Client.TransferStatus.Created);
                    }
                    else
                    {
                        await client.GetAccountAsync("users:1");
                    }

                    Interlocked.Increment(ref calls);
                }
            }
        }).ToArray();
        using var watcher = Connect(token: key.Key);
        for (var round = 0; round < 3; round++)
        {
            await File.WriteAllTextAsync(PolicyPath + ".next", Policy("users:**", $"shops:{round}:**"));
            File.Move(PolicyPath + ".next", PolicyPath, overwrite: true);
            authority.Server("node");
            var seen = Volatile.Read(ref calls);
            await Until.TrueAsync(() => Volatile.Read(ref calls) > seen + 20 || load.Any(static one => one.IsFaulted));
            await Until.TrueAsync(
                () => Count(node.Output, "is in force") > round && Count(node.Output, "have been read anew") > round);
        }

        await ended.CancelAsync();
        await Task.WhenAll(load);
    }

    [Fact]
    public async Task A_right_that_is_withdrawn_is_gone_in_two_seconds()
    {
        using var operators = Connect(token: key.Key);
        await operators.OpenAccountsAsync([Account("users:1")]);
        using var teller = Connect(token: await issuer.TokenAsync("teller"));
        (await teller.GetAccountAsync("users:1")).ShouldNotBeNull();
        await File.WriteAllTextAsync(PolicyPath, Policy("nobody:**"));
        await Until.TrueAsync(async () =>
        {
            try
            {
                await teller.GetAccountAsync("users:1");
                return false;
            }
            catch (LedgerClientException e)
            {
                return e.Code == StatusCode.PermissionDenied;
            }
        });
    }

    [Fact]
    public async Task A_certificate_that_is_revoked_is_gone_on_an_open_connection_too()
    {
        using var operators = Connect(token: key.Key);
        await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
        var lost = authority.Client(Payments);
        using var client = Connect(lost);
        (await client.PostTransferAsync(Pay("bank", "users:1"))).Status.ShouldBe(Client.TransferStatus.Created);

        // As openssl prints it, without the zeros that .NET has in front of half of them.
        await File.AppendAllTextAsync(RevokedPath, $"serial={lost.SerialNumber.TrimStart('0')} # stolen\n");
        await Until.TrueAsync(async () =>
        {
            try
            {
                await client.PostTransferAsync(Pay("bank", "users:1"));
                return false;
            }
            catch (LedgerClientException e)
            {
                return e.Code == StatusCode.Unauthenticated || e.Unreachable;
            }
        });

        // Another one of the same principal goes on.
        using var other = Connect(authority.Client(Payments));
        (await other.PostTransferAsync(Pay("bank", "users:1"))).Status.ShouldBe(Client.TransferStatus.Created);
    }

    [Fact]
    public async Task Guessing_keys_locks_out_the_guesser_by_address_and_key()
    {
        using var wrong = Connect(token: ApiKey.Create("ops1").Key);
        for (var i = 0; i < 10; i++)
        {
            (await DeniedAsync(() => wrong.GetAccountAsync("users:1"))).ShouldBe("UNAUTHENTICATED");
        }

        // From here the right key of that id is not looked at either; tokens and certificates are.
        using var right = Connect(token: key.Key);
        (await DeniedAsync(() => right.GetAccountAsync("users:1"))).ShouldBe("UNAUTHENTICATED");
        using var teller = Connect(token: await issuer.TokenAsync("teller"));
        (await teller.GetAccountAsync("users:1")).ShouldBeNull("It is let through, and there is none.");
    }

    [Fact]
    public async Task A_stream_outlives_the_token_that_it_began_with()
    {
        using var operators = Connect(token: key.Key);
        await operators.OpenAccountsAsync([Account("users:1"), Account("bank")]);
        var shown = 0;
        using var client = new LedgerClient(new LedgerClientOptions
        {
            Addresses = [grpc], CertificateAuthorities = authority.Trusted,
            Token = async _ =>
            {
                Interlocked.Increment(ref shown);
                return await issuer.TokenAsync("payer", ("seconds", "4"));
            },
        });

        // One session of the client, streams as often as the node ends them; each transfer is answered.
        await using var stream = client.OpenTransferStream();
        var ended = DateTimeOffset.UtcNow.AddSeconds(9);
        while (DateTimeOffset.UtcNow < ended)
        {
            (await stream.PostAsync(Pay("bank", "users:1"))).Status.ShouldBe(Client.TransferStatus.Created);
            await Task.Delay(50);
        }

        Volatile.Read(ref shown).ShouldBeGreaterThan(1);
    }

    [Fact]
    public async Task A_caller_beyond_its_rate_is_told_when_to_come_again_and_nobody_else_waits()
    {
        using var slow = Connect(token: await issuer.TokenAsync("slow"));
        using var teller = Connect(token: await issuer.TokenAsync("teller"));
        await slow.GetAccountAsync("users:1");
        LedgerClientException? refused = null;
        for (var i = 0; i < 50 && refused is null; i++)
        {
            try
            {
                // The client itself waits and comes again; so long it is not to.
                await slow.GetAccountAsync("users:1", new RequestOptions { Timeout = TimeSpan.FromMilliseconds(500) });
            }
            catch (LedgerClientException e)
            {
                refused = e;
            }

            (await teller.GetAccountAsync("users:1")).ShouldBeNull("Others go on.");
        }

        refused.ShouldNotBeNull().Reason.ShouldBe("OVERLOADED");
        refused.RetryAfter.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.Zero);
        refused.OutcomeUnknown.ShouldBeFalse();
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static Client.AccountSpec Account(string address) => new() { Address = address, Asset = "USD/2", Code = 1 };

    private static Client.Transfer Pay(string debit, string credit) => new()
    {
        Id = Guid.CreateVersion7(), DebitAccount = debit, CreditAccount = credit, Amount = 1, Code = 1, Asset = "USD/2",
    };

    private static async Task<string> DeniedAsync(Func<Task> call) =>
        (await Should.ThrowAsync<LedgerClientException>(call)).Reason;

    private string Policy(params string[] readable)
    {
        static Dictionary<string, object> Grant(string[] rights, params (string Key, object Value)[] more) =>
            new(more.ToDictionary(static one => one.Key, static one => one.Value, StringComparer.Ordinal),
                StringComparer.Ordinal) { ["do"] = rights };

        object Key(System.Collections.Immutable.ImmutableArray<byte> hash, string end) =>
            new { principal = "ops", sha256 = Convert.ToHexString(hash.AsSpan()), expireTime = end };

        return JsonSerializer.Serialize(new
        {
            principals = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                [Payments] = new
                {
                    grants =
                        new[] { Grant(
                            ["transfer"], ("debit", new[] { "bank" }), ("credit", new[] { "users:*" }),
                            ("assets", new[] { "USD/2" })) },
                },
                ["jwt:teller"] = new { grants = new[] { Grant(["read"], ("accounts", readable)) } },
                ["jwt:payer"] = new
                {
                    grants =
                        new[] { Grant(["transfer"], ("debit", new[] { "bank" }), ("credit", new[] { "users:*" })) },
                },
                ["jwt:slow"] = new
                {
                    grants = new[] { Grant(["read"], ("accounts", new[] { "**" })) }, limits = "few",
                },
                ["ops"] = new { grants = new[] { Grant(["read", "open", "list"], ("accounts", new[] { "**" })) } },
            },
            limits = new { few = new { perSecond = 1, burst = 3 } },
            keys = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["ops1"] = Key(key.Hash, "2099-01-01T00:00:00Z"), ["old1"] = Key(old.Hash, "2020-01-01T00:00:00Z"),
            },
        });
    }

    private string Forge(SigningCredentials signature, string? issuer = null, string? bound = null, bool isDated = true)
    {
        var claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = "teller" };
        if (bound is not null)
        {
            claims["cnf"] = new Dictionary<string, object>(StringComparer.Ordinal) { ["x5t#S256"] = bound };
        }

        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            new SecurityTokenDescriptor
        {
            Issuer = issuer ?? this.issuer.Name, Audience = "ledger", Claims = claims, SigningCredentials = signature,
            IssuedAt = isDated ? DateTime.UtcNow : null, Expires = DateTime.UtcNow.AddMinutes(5),
        });
    }

    private LedgerClient Connect(X509Certificate2? certificate = null, string? token = null) =>
        new(new LedgerClientOptions
    {
        Addresses = [grpc], CertificateAuthorities = authority.Trusted, MaxAttempts = 1,
        ClientCertificate = certificate is null ? null : () => certificate,
        Token = token is null ? null : _ => ValueTask.FromResult(token),
    });

    private HttpClient Http()
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck,
        };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(authority.Trusted);
        return new HttpClient(handler);
    }
}
