using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>Plain transfers between two different accounts of a fixed set, as every ledger can post them; the hot pair
/// and the uniform choice are those of pgledger's performance check, with other amounts.</summary>
internal sealed class PairWorkload : TransferWorkload
{
    // As in softwaremill/tb-perf.
    private const int ZipfAccounts = 100_000;
    private const double ZipfExponent = 1.0;
    private const int ZipfOpeningBalance = 1_000_000;
    private const int ZipfAmountMax = 1_000;

    private readonly string[] _names;
    private readonly ZipfSampler? _zipf;
    private readonly int _amountMax;

    private PairWorkload(
        string name, string[] names, Settings settings, int amountMax = 9_999, int openingBalance = 0,
        ZipfSampler? zipf = null)
        : base(name, settings)
    {
        (_names, _amountMax, OpeningBalance, _zipf) = (names, amountMax, openingBalance, zipf);
        Accounts = openingBalance == 0
            ? [.. names.Select(static account => Account(account))]
            : [.. names.Select(static account => Account(account, 0)), Account(Bank)];
    }

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; }

    /// <summary>The accounts among which money moves.</summary>
    public IReadOnlyList<string> Customers => _names;

    /// <summary>What each account has at the beginning, and may not spend more than; 0 for no limit.</summary>
    public int OpeningBalance { get; }

    /// <summary>Where that comes from.</summary>
    public string Bank => "bench:bank:" + Name;

    public override IEnumerable<V1.Transfer> Funding => OpeningBalance == 0
        ? []
        : _names.Select(account => Move(Bank, account, OpeningBalance));

    public static new PairWorkload Of(string name, Settings settings) => name switch
    {
        "uniform" => new PairWorkload(name, Names("bench:uniform", settings.Accounts), settings),

        // Two accounts, both ways at random: the worst that can be asked of a ledger with locks.
        "hot" => new PairWorkload(name, Names("bench:hot", 2), settings),
        "zipf" => new PairWorkload(
            name, Names("bench:zipf", ZipfAccounts), settings, ZipfAmountMax, ZipfOpeningBalance,
            new ZipfSampler(ZipfAccounts, ZipfExponent)),
        _ => throw new ArgumentException($"There is no workload '{name}'.", nameof(name)),
    };

    public override V1.Transfer NextTransfer()
    {
        var random = Random.Shared;
        var debit = Pick(random);
        var credit = Pick(random);
        while (credit == debit)
        {
            credit = Pick(random);
        }

        return Move(_names[debit], _names[credit], random.Next(1, _amountMax + 1));
    }

    private int Pick(Random random) => _zipf?.Next(random) ?? random.Next(_names.Length);
}
