using System.Net.Security;
using Ledger.Tests.Shared;

namespace Ledger.Benchmarks;

/// <summary>What a bank puts around a node: TLS with certificates of the callers, a policy, limits that are never
/// reached, and an audit log.</summary>
internal sealed class Walls : IDisposable
{
    private const string Caller = "spiffe://bank/payments";

    private const string Policy =
        """
        {
          "limits": {
            "gold": {
              "perSecond": 1000000, "burst": 1000000, "calls": 100000, "streams": 1000, "inFlightBytes": 1000000000,
              "accountsPerDay": 100000000, "bytesPerDay": 1000000000000
            }
          },
          "principals": {
            "spiffe://bank/payments": {
              "limits": "gold",
              "grants": [
                {
                  "do": ["transfer", "hold"], "debit": ["users:**", "**"], "credit": ["merchants:**", "**"],
                  "assets": ["USD/2", "EUR/2"], "amountMax": "1000000000000"
                },
                { "do": ["transfer", "hold", "resolve", "reverse"], "debit": ["**"], "credit": ["**"] },
                { "do": ["read", "statement", "list", "open", "change"], "accounts": ["**"] }
              ]
            }
          }
        }
        """;

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-walls-");

    public Walls()
    {
        var authority = new TestAuthority(directory.FullName, "bank");
        var (certificate, key) = authority.Server("node");
        var policy = Path.Combine(directory.FullName, "policy.json");
        File.WriteAllText(policy, Policy);
        var own = authority.Client(Caller);
        Setup = new NodeSetup(
            "walls", null,
            [
                "--Ledger:Grpc:Url=https://127.0.0.1:0", "--Ledger:Http:Url=https://127.0.0.1:0",
                $"--Ledger:Tls:CertificatePath={certificate}", $"--Ledger:Tls:KeyPath={key}",
                $"--Ledger:Tls:ClientAuthorityPath={authority.Path}", "--Ledger:Security:Mode=Required",
                $"--Ledger:Security:PolicyPath={policy}",
                $"--Ledger:Audit:Path={Path.Combine(directory.FullName, "audit")}",
            ],
            new SslClientAuthenticationOptions
            {
                ClientCertificates = [own],
                CertificateChainPolicy = new()
                {
                    TrustMode = System.Security.Cryptography.X509Certificates.X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = System.Security.Cryptography.X509Certificates.X509RevocationMode.NoCheck,
                    CustomTrustStore = { authority.Trusted[0] },
                },
            });
    }

    /// <summary>What the node is started with, and how it is called.</summary>
    public NodeSetup Setup { get; }

    public void Dispose() => directory.Delete(recursive: true);
}
