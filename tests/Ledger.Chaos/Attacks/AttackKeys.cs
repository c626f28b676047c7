using System.Globalization;
using System.Text.Json;
using Ledger.Access;

namespace Ledger.Chaos.Attacks;

/// <summary>The keys of all who call, and the policy that says what each may do.</summary>
internal sealed class AttackKeys
{
    private static readonly string[] s_onAccounts = ["read", "statement", "list", "open", "change", "limits"];
    private static readonly string[] s_onTransfers = ["transfer", "hold", "resolve", "close-by-transfer", "reverse"];

    /// <summary>Makes new ones.</summary>
    public AttackKeys()
    {
        var held = new Dictionary<string, object>(StringComparer.Ordinal);
        (Load, Bystander, Operator, Attacker, Denied) =
            (Make("load"), Make("bystander"), Make("operator"), Make("attacker"), Make("denied"));
        Policy = JsonSerializer.Serialize(new
        {
            // As the page on security has it.
            limits = new
            {
                gold = new
                {
                    perSecond = 2_000,
                    burst = 5_000, calls = 512, streams = 16, inFlightBytes = 67_108_864,
                    accountsPerDay = 100_000,
                    bytesPerDay = 10_000_000_000,
                },
            },
            principals = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["load"] = new { grants = On("**") },
                ["bystander"] = new { grants = On("**") },
                ["operator"] = new { grants = new object[] { new { @do = (string[])["admin"] } } },
                ["attacker"] = new { limits = "gold", grants = On(AttackAccounts.Prefix + "**") },
                ["denied"] =
                    new { grants = new object[] { new { @do = (string[])["read"], accounts = (string[])["nobody"] } } },
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
                    .ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            };
            return key;
        }
    }

    /// <summary>The policy, as a node reads it.</summary>
    public string Policy { get; }

    /// <summary>The key of those whose money is watched.</summary>
    public string Load { get; }

    public string Bystander { get; }

    public string Operator { get; }

    /// <summary>The key of whoever may do something, and means harm.</summary>
    public string Attacker { get; }

    /// <summary>The key of whoever may do next to nothing.</summary>
    public string Denied { get; }

    private static object[] On(string accounts) =>
    [
        new { @do = s_onAccounts, accounts = (string[])[accounts] },
        new { @do = s_onTransfers, debit = (string[])[accounts], credit = (string[])[accounts] },
    ];
}
