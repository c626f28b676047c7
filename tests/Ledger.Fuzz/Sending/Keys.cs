using System.Text.Json;
using Ledger.Access;
using Ledger.Fuzz.Inputs;

namespace Ledger.Fuzz.Sending;

/// <summary>The keys of the callers, and the policy that says what each may do.</summary>
internal sealed class Keys
{
    private const string Bystander = "bystander";

    private static readonly string[] s_onAccounts = ["read", "statement", "list", "open", "change", "limits"];
    private static readonly string[] s_onTransfers = ["transfer", "hold", "resolve", "close-by-transfer", "reverse"];

    private readonly Dictionary<Credential, string> keys = [];

    /// <summary>Makes new ones.</summary>
    public Keys()
    {
        var held = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var credential in Enum.GetValues<Credential>()
            .Where(static one => one is not (Credential.Forged or Credential.None)))
        {
            keys[credential] = Make(credential.ToString().ToLowerInvariant());
        }

        OfBystander = Make(Bystander);
        keys[Credential.Forged] = ApiKey.Create("forged").Key;
        var everything = new object[]
        {
            new { @do = (string[])["admin"] },
            new { @do = s_onAccounts, accounts = (string[])["**"] },
            new { @do = s_onTransfers, debit = (string[])["**"], credit = (string[])["**"] },
        };
        Policy = JsonSerializer.Serialize(new
        {
            limits =
                new { few = new { perSecond = 50, burst = 100, calls = 8, streams = 2, inFlightBytes = 1_048_576 } },
            principals = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                [Name(Credential.Full)] = new { grants = everything },
                [Bystander] = new { grants = everything },
                [Name(Credential.Limited)] = new { limits = "few", grants = everything },
                [Name(Credential.Reader)] = new
                {
                    grants =
                        new object[]
                        {
                            new { @do = (string[])["read", "statement", "list"], accounts = (string[])["fuzz:*"] }
                        },
                },
                [Name(Credential.Narrow)] = new
                {
                    grants = new object[]
                    {
                        new
                        {
                            @do = (string[])["transfer", "hold", "resolve"], debit = (string[])["fuzz:1", "fuzz:2"],
                            credit = (string[])["fuzz:*"], assets = (string[])["USD/2"], amountMax = "5000",
                        },
                        new { @do = (string[])["read", "list"], accounts = (string[])["fuzz:*"] },
                    },
                },
            },
            keys = held,
        });

        string Make(string id)
        {
            var (key, hash) = ApiKey.Create(id);
            held[id] = new
            {
                principal = id, sha256 = Convert.ToHexStringLower(hash.AsSpan()),
                expireTime = TimeProvider.System.GetUtcNow().AddDays(30)
                    .ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
            };
            return key;
        }
    }

    /// <summary>The policy, as a node reads it.</summary>
    public string Policy { get; }

    /// <summary>The key of whoever does no harm.</summary>
    public string OfBystander { get; }

    /// <summary>What a caller shows; null for nothing.</summary>
    public string? Of(Credential credential) => keys.GetValueOrDefault(credential);

    private static string Name(Credential credential) => credential.ToString().ToLowerInvariant();
}
