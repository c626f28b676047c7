using System.Globalization;
using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>SmallBank, in double entry: savings and checking of 100,000 customers, nine in ten calls on one in 25 of
/// them, as in FaSST (app/smallbank); the mix is that of H-Store and BenchBase.</summary>
/// <remarks>
/// Six operations: amalgamate (15%: all that one customer has to the checking of another), balance (15%, reads),
/// deposit (15%), send payment (25%), savings withdrawal (15%), check (15%: reads, and costs a penalty when not
/// covered). Money that leaves or comes is on one of 64 cash accounts, which the original does not have. Savings may
/// not be overdrawn, checking by 100.00: an account's limit holds for all its transfers here, whereas the original has
/// one for payments and none for checks. The errors of the well-known ports (amounts that vanish, a bonus for an
/// uncovered check) are not copied.
/// </remarks>
internal sealed class SmallBankWorkload : Workload
{
    private const int Customers = 100_000;
    private const int HotCustomers = Customers / 25;
    private const double HotShare = 0.9;
    private const int CashAccounts = 64;
    private const long Overdraft = 100_00;
    private const long OpeningMin = 10_000;
    private const long OpeningRange = 40_001;

    private readonly string[] _savings = Names("bench:savings", Customers);
    private readonly string[] _checking = Names("bench:checking", Customers);
    private readonly string[] _cash = Names("bench:cash", CashAccounts);

    public SmallBankWorkload(Settings settings)
        : base("smallbank", settings) => Accounts =
        [
            .. _savings.Select(static account => Account(account, 0)),
            .. _checking.Select(static account => Account(account, Overdraft)),
            .. _cash.Select(static account => Account(account)),
        ];

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; }

    public override IEnumerable<V1.Transfer> Funding =>
        _checking.Concat(_savings).Select(account => Move(Cash(), account, OpeningBalance() * 100));

    public override Call Next(int batch)
    {
        var random = Random.Shared;
        var isHot = random.NextDouble() < HotShare;
        var one = random.Next(isHot ? HotCustomers : Customers);
        var other = one;
        while (other == one)
        {
            other = random.Next(isHot ? HotCustomers : Customers);
        }

        return random.Next(100) switch
        {
            < 15 => new ReadCall([_savings[one], _checking[one]], accounts => Amalgamate(accounts, _checking[other])),
            < 30 => new ReadCall([_savings[one], _checking[one]]),
            < 45 => new PostCall([Move(Cash(), _checking[one], 1_30)]),
            < 70 => new PostCall([Move(_checking[one], _checking[other], 5_00)]),
            < 85 => new PostCall([Move(_savings[one], Cash(), 20_20)]),
            _ => new ReadCall(
                [_savings[one], _checking[one]],
                accounts => new PostCall([Move(_checking[one], Cash(), accounts.Sum(Balance) < 5_00 ? 6_00 : 5_00)])),
        };
    }

    // Cut off at twice the deviation on both sides.
    private static long OpeningBalance()
    {
        while (true)
        {
            var gaussian = Math.Sqrt(-2 * Math.Log(1 - Random.Shared.NextDouble())) * Math
                .Cos(2 * Math.PI * Random.Shared.NextDouble());
            var value = (long)Math.Round((gaussian + 2) / 4 * OpeningRange);
            if (value is >= 0 and < OpeningRange)
            {
                return OpeningMin + value;
            }
        }
    }

    private static long Balance(V1.Account account) =>
        long.Parse(account.Balances.CreditsPosted, CultureInfo.InvariantCulture)
        - long.Parse(account.Balances.DebitsPosted, CultureInfo.InvariantCulture);

    // What was read, and not "whatever is there": that would draw on the overdraft too.
    private TransactionCall? Amalgamate(IReadOnlyList<V1.Account> from, string to)
    {
        var transaction = new V1.Transaction { Id = NewId() };
        foreach (var account in from)
        {
            if (Balance(account) is > 0 and var amount)
            {
                var transfer = Move(account.Spec.Address, to, amount);
                transfer.Asset = Asset;
                transaction.Legs.Add(new V1.TransactionLeg { Transfer = transfer });
            }
        }

        return transaction.Legs.Count == 0 ? null : new TransactionCall(transaction);
    }

    private string Cash() => _cash[Random.Shared.Next(CashAccounts)];
}
