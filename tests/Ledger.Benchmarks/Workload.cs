using System.Globalization;
using Ledger.V1;

namespace Ledger.Benchmarks;

/// <summary>Which accounts move money. Thread-safe.</summary>
internal sealed class Workload
{
    private readonly string[] accounts;

    private Workload(string name, string[] accounts)
    {
        Name = name;
        this.accounts = accounts;
    }

    public string Name { get; }

    public IReadOnlyList<string> Accounts => accounts;

    public static Workload Of(string name, Settings settings) => name switch
    {
        "uniform" => new Workload(name, Names("bench:uniform", settings.Accounts)),

        // Two accounts, both ways at random: the worst that can be asked of a ledger with locks.
        "hot" => new Workload(name, Names("bench:hot", 2)),
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
        var debit = random.Next(accounts.Length);
        var credit = random.Next(accounts.Length - 1);
        if (credit >= debit)
        {
            credit++;
        }

        return new Transfer
        {
            Id = Guid.CreateVersion7().ToString("D"),
            DebitAccount = accounts[debit],
            CreditAccount = accounts[credit],
            Amount = random.Next(1, 10_000).ToString(CultureInfo.InvariantCulture),
            Code = 1,
        };
    }
}
