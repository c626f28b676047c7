using Ledger.Client;

namespace Ledger.Chaos.Workload;

/// <summary>What makes a sound transfer one that must be refused, whatever the state of the nodes.</summary>
internal static class Poisons
{
    private static readonly Dictionary<string, Func<Client.Transfer, Client.Transfer>> All = new(StringComparer.Ordinal)
    {
        ["long reference"] = static transfer => transfer with { Reference = new string('x', 10_000) },
        ["oversized message"] = static transfer => transfer with { Reference = new string('x', 6 * 1024 * 1024) },
        ["large metadata"] = static transfer => transfer with
        {
            Metadata = Enumerable.Range(0, 17).ToDictionary(static i => $"key{i}", static _ => new string('y', 300)),
        },
        ["malformed address"] = static transfer => transfer with { DebitAccount = "no such/address!" },
        ["wrong asset"] = static transfer => transfer with { Asset = "XXX/0" },
        ["same account twice"] = static transfer => transfer with { CreditAccount = transfer.DebitAccount },
        ["no code"] = static transfer => transfer with { Code = 0 },
    };

    public static IReadOnlyList<string> Names { get; } = [.. All.Keys];

    public static Client.Transfer Apply(string name, Client.Transfer transfer) => All[name](transfer);
}
