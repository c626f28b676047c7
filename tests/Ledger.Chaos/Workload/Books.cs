using System.Globalization;
using Akka.Cluster.Sharding;
using Ledger.Chaos.Checking;

namespace Ledger.Chaos.Workload;

/// <summary>How the accounts of a run are used.</summary>
internal enum WorkloadKind
{
    /// <summary>Everything, with a few hot accounts.</summary>
    Mixed,

    /// <summary>Mostly over a handful of accounts.</summary>
    Hot,

    /// <summary>Single transfers, evenly over all accounts.</summary>
    Uniform,

    /// <summary>Mostly holds: made, posted, voided, expired.</summary>
    Holds,

    /// <summary>Mostly transactions over several accounts.</summary>
    Transactions,
}

/// <summary>The accounts of a run, and the shards they live on.</summary>
internal sealed class Books
{
    public const string Main = "EUR/2";
    public const string Other = "USD/2";
    private const int HotCount = 4;
    private const int LongAddress = 74;
    private const string PersistenceIdPrefix = "ledger-account-";

    private readonly Extractor _extractor;
    private readonly Dictionary<string, int> _shards = new(StringComparer.Ordinal);

    public Books(int accounts, int shards)
    {
        _extractor = new Extractor(shards);
        Shards = shards;
        var all = new List<AccountContent>
        {
            Content("issuance:eur", Main),
            Content("issuance:usd", Other),
        };
        for (var i = 0; i < HotCount; i++)
        {
            all.Add(Content(Name($"hot:{i}"), Main));
        }

        // Of five accounts two may go as low as they like, two not below zero, one a little below it.
        for (var i = 0; i < accounts; i++)
        {
            all.Add(Content(Name($"account:{i:D4}"), i % 6 == 5 ? Other : Main) with
            {
                DebitAllowance = (i % 5) switch
                {
                    0 or 1 => null,
                    2 or 3 => UInt128.Zero,
                    _ => 5_000,
                },
            });
        }

        // Of addresses so long that a transaction of as many legs as there may be is nearly as large as one may be.
        Long = [
            Content("long:a:" + new string('a', LongAddress), Main),
            Content("long:b:" + new string('b', LongAddress), Main)];
        all.AddRange(Long);
        Probes = new (string, string)[shards];
        for (var shard = 0; shard < shards; shard++)
        {
            Probes[shard] = (FindAddress(shard, "a"), FindAddress(shard, "b"));
            all.Add(Content(Probes[shard].One, Main));
            all.Add(Content(Probes[shard].Other, Main));
        }

        Accounts = all;
        foreach (var account in all)
        {
            _shards[account.Address] = ShardOf(account.Address);
        }

        Hot = [.. all.Where(static a => a.Address.StartsWith("hot:", StringComparison.Ordinal))];
        Plain = [.. all.Where(static a => a.Address.StartsWith("account:", StringComparison.Ordinal))];
    }

    public int Shards { get; }

    public IReadOnlyList<AccountContent> Accounts { get; }

    public AccountContent[] Hot { get; }

    public AccountContent[] Plain { get; }

    /// <summary>Two accounts with long addresses.</summary>
    public AccountContent[] Long { get; }

    /// <summary>By shard: two accounts that live on it and that nobody but the prober uses.</summary>
    public (string One, string Other)[] Probes { get; }

    /// <summary>The account that money of an asset comes from.</summary>
    public static string Issuance(string asset) => asset == Main ? "issuance:eur" : "issuance:usd";

    /// <summary>The shards of all accounts that a request touches, in its order; none when it does not name them
    /// all.</summary>
    public int[] ShardsOf(CallRequest request)
    {
        int[] shards = request.Account is { } account
            ? [Known(account)]
            : [.. (request.Legs ?? (request.Transfer is { } transfer ? [transfer] : []))
                .SelectMany(leg => new[] { Known(leg.Debit), Known(leg.Credit) })];
        return Array.TrueForAll(shards, static shard => shard >= 0) ? shards : [];
    }

    /// <summary>By shard: the node that wrote to its probed accounts last; -1 for none.</summary>
    public int[] Placement(IReadOnlyDictionary<string, int> written) =>
        [.. Probes.Select(probe => written.GetValueOrDefault(PersistenceIdPrefix + probe.One, -1))];

    public int ShardOf(string address) =>
        int.Parse(_extractor.ShardId(address, null), CultureInfo.InvariantCulture);

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static AccountContent Content(string address, string asset) => new()
    {
        Address = address,
        Asset = asset,
        Code = 1,
    };

    private int Known(string address) => _shards.GetValueOrDefault(address, -1);

    private string FindAddress(int shard, string part)
    {
        for (var i = 0; ; i++)
        {
            var address = Name($"probe:{shard}:{part}{i}");
            if (ShardOf(address) == shard)
            {
                return address;
            }
        }
    }

    /// <summary>The hash by which the nodes shard. If theirs changes, probes no longer keep to one shard; a test
    /// compares.</summary>
    private sealed class Extractor(int shards) : HashCodeMessageExtractor(shards)
    {
        public override string? EntityId(object message) => null;
    }
}
