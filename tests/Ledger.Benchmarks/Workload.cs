using System.Globalization;
using Ledger.V1;

namespace Ledger.Benchmarks;

/// <summary>Which accounts move money. Thread-safe.</summary>
internal sealed class Workload
{
    // As in softwaremill/tb-perf.
    private const int ZipfAccounts = 100_000;
    private const double ZipfExponent = 1.0;
    private const int ZipfOpeningBalance = 1_000_000;
    private const int ZipfAmountMax = 1_000;

    private readonly string[] accounts;
    private readonly ZipfSampler? zipf;
    private readonly int amountMax;
    private readonly bool hasUnorderedIds;

    private Workload(string name, string[] accounts, Settings settings, int amountMax = 9_999, ZipfSampler? zipf = null)
    {
        Name = settings.HasUnorderedIds ? name + "-v4" : name;
        hasUnorderedIds = settings.HasUnorderedIds;
        this.accounts = accounts;
        this.amountMax = amountMax;
        this.zipf = zipf;
    }

    public string Name { get; }

    public IReadOnlyList<string> Accounts => accounts;

    /// <summary>What each account has at the beginning, and may not spend more than; 0 for no limit.</summary>
    public int OpeningBalance { get; private init; }

    /// <summary>Where that comes from.</summary>
    public string Bank => "bench:bank:" + Name;

    public static Workload Of(string name, Settings settings) => name switch
    {
        "uniform" => new Workload(name, Names("bench:uniform", settings.Accounts), settings),

        // Two accounts, both ways at random: the worst that can be asked of a ledger with locks.
        "hot" => new Workload(name, Names("bench:hot", 2), settings),
        "zipf" => new Workload(
            name, Names("bench:zipf", ZipfAccounts), settings, ZipfAmountMax, new ZipfSampler(ZipfAccounts, ZipfExponent))
        {
            OpeningBalance = ZipfOpeningBalance,
        },
        _ => throw new ArgumentException($"There is no workload '{name}'.", nameof(name)),
    };

    public static string[] Names(string prefix, int count)
    {
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = prefix + ":" + i.ToString("D6", CultureInfo.InvariantCulture);
        }

        return names;
    }

    /// <summary>A transfer between two different accounts, with a new id.</summary>
    public Transfer Next()
    {
        var random = Random.Shared;
        var debit = Pick(random);
        var credit = Pick(random);
        while (credit == debit)
        {
            credit = Pick(random);
        }

        return Move(accounts[debit], accounts[credit], random.Next(1, amountMax + 1));
    }

    /// <summary>The transfers that give each account its opening balance.</summary>
    public IEnumerable<Transfer> Funding() => OpeningBalance == 0
        ? []
        : accounts.Select(account => Move(Bank, account, OpeningBalance));

    private int Pick(Random random) => zipf?.Next(random) ?? random.Next(accounts.Length);

    private Transfer Move(string debit, string credit, int amount) => new()
    {
        Id = (hasUnorderedIds ? Guid.NewGuid() : Guid.CreateVersion7()).ToString("D"),
        DebitAccount = debit,
        CreditAccount = credit,
        Amount = amount.ToString(CultureInfo.InvariantCulture),
        Code = 1,
    };
}
