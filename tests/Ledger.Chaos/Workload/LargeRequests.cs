using Ledger.Client;

namespace Ledger.Chaos.Workload;

/// <summary>What stands at a limit in bytes, and what is beyond it and must be refused by name.</summary>
internal static class LargeRequests
{
    /// <summary>As much metadata as a transfer may have.</summary>
    public const int MetadataMax = 4096;

    /// <summary>As many legs as a transaction may have.</summary>
    public const int LegsMax = 8_190;

    /// <summary>As many legs, each with as much metadata as it may have, as are within 2 MiB with everything that is
    /// counted.</summary>
    public const int FullLegsMax = 460;

    private const int Pairs = 16;
    private const int KeyLength = 3;
    private const int AddressMax = 128;

    // More of these have more than 2 MiB in their metadata alone.
    private const int FullLegsTooMany = 520;

    private static readonly Dictionary<string, Refused> Beyond = new(StringComparer.Ordinal)
    {
        ["metadata of a byte too many"] = new(
            "METADATA_TOO_LARGE", static transfer => [transfer with { Metadata = Metadata(MetadataMax + 1) }]),
        ["transaction with too much metadata"] = new(
            "TRANSACTION_TOO_LARGE",
            static transfer => Legs(transfer with { Metadata = Metadata(MetadataMax) }, FullLegsTooMany)),
        ["transaction with too long addresses"] = new(
            "TRANSACTION_TOO_LARGE",
            static transfer => Legs(
                transfer with
                {
                    DebitAccount = new string('d', AddressMax), CreditAccount = new string('c', AddressMax)
                }, LegsMax)),
    };

    /// <summary>The names of what is beyond a limit.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Beyond.Keys];

    /// <summary>Whether something is beyond a limit.</summary>
    public static bool IsBeyond(string name) => Beyond.ContainsKey(name);

    /// <summary>The reason that it must be refused for.</summary>
    public static string ReasonOf(string name) => Beyond[name].Reason;

    /// <summary>Makes it of a sound transfer: one alone, or the legs of a transaction.</summary>
    public static IReadOnlyList<Client.Transfer> Make(string name, Client.Transfer transfer) =>
        Beyond[name].Make(transfer);

    /// <summary>Metadata whose keys and values have so many bytes; none for 0.</summary>
    public static Dictionary<string, string> Metadata(int bytes)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var values = bytes - (Pairs * KeyLength);
        for (var i = 0; i < Pairs && bytes > 0; i++)
        {
            metadata[FormattableString.Invariant($"k{i:00}")] = new string(
                'v', (values / Pairs) + (i < values % Pairs ? 1 : 0));
        }

        return metadata;
    }

    private static Client.Transfer[] Legs(Client.Transfer transfer, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => transfer with { Id = TransferIds.New() })];

    private sealed record Refused(string Reason, Func<Client.Transfer, IReadOnlyList<Client.Transfer>> Make);
}
