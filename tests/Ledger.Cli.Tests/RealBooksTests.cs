using System.Numerics;
using Ledger.Cli.Import;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>Somebody's real books: what is imported must be what another program makes of them.</summary>
/// <remarks>
/// The two files were not made in quite the same way, and the tests say so instead of looking away:
/// (1) <c>books.balances.csv</c> has CR LF line ends.
/// (2) Virtual postings, which the original writes as <c>(account)</c> or <c>[account]</c>, stand under
/// <c>_account_</c> in the postings, and under the account itself in the balances.
/// (3) The balances leave out six accounts of the postings whose balance is 0 (BRSIX, LMVTX and AAPL).
/// Nothing else differs, to the last digit.
/// </remarks>
public sealed class RealBooksTests
{
    private static readonly string PostingsFile = Path.Combine(AppContext.BaseDirectory, "books", "books.postings.csv");
    private static readonly string BalancesFile = Path.Combine(AppContext.BaseDirectory, "books", "books.balances.csv");

    private static readonly string[] LeftOut =
    [
        "c56a21d23a6535184e7152ee138c28974f14280c:LMVTX",
        "equity:conversion:AAPL",
        "equity:conversion:BRSIX",
        "equity:conversion:LMVTX",
        "fc0e191163be4d1966e3c51b1635401f9e82a807:AAPL",
        "fc0e191163be4d1966e3c51b1635401f9e82a807:BRSIX",
    ];

    [Fact]
    public void The_plan_nets_to_the_independent_balances()
    {
        var plan = Plan();
        var lines = plan.Accounts.ToDictionary(
            account => account.Spec.Address, account => (account.Spec.Asset, Balance: BigInteger.Zero));
        foreach (var (_, transfer) in plan.Transfers)
        {
            Add(transfer.DebitAccount, transfer.Amount);
            Add(transfer.CreditAccount, -(BigInteger)transfer.Amount);
        }

        plan.Netted.ShouldBeEmpty();
        AsTheBalancesHaveThem(lines.Select(line => (line.Key, line.Value.Asset, line.Value.Balance)))
            .ShouldBe(Independent());

        void Add(string account, BigInteger amount) =>
            lines[account] = (lines[account].Asset, lines[account].Balance + amount);
    }

    [Fact]
    public async Task Importing_twice_through_the_command_line_gives_the_balances_once()
    {
        await using var server = await FakeServer.InMemoryAsync();
        var plan = Plan();

        var first = await server.CliAsync("import", PostingsFile, "--output", "json");
        var second = await server.CliAsync("import", PostingsFile, "--output", "json");
        var balances = await server.CliAsync("balances", "--output", "csv");

        first.ExitCode.ShouldBe(0, first.Error);
        ((int)first.Json["accounts"]!["opened"]!).ShouldBe(106);
        ((int)first.Json["transfers"]!["created"]!).ShouldBe(plan.Transfers.Count);
        second.ExitCode.ShouldBe(0, second.Error);
        ((int)second.Json["accounts"]!["existing"]!).ShouldBe(106);
        ((int)second.Json["transfers"]!["existing"]!).ShouldBe(plan.Transfers.Count);
        ((int)second.Json["transfers"]!["created"]!).ShouldBe(0);
        server.Ledger.TransferCount.ShouldBe(plan.Transfers.Count);
        var lines = balances.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(','));
        AsTheBalancesHaveThem(lines.Select(cells => (cells[0], cells[1], BigInteger.Parse(cells[2]))))
            .ShouldBe(Independent());
    }

    private static ImportPlan Plan()
    {
        var file = PostingFileReader.Read(PostingsFile, File.ReadAllBytes(PostingsFile), out var errors);
        errors.ShouldBeEmpty();
        return ImportPlan.Of(file!, "import");
    }

    private static string Independent() => File.ReadAllText(BalancesFile).ReplaceLineEndings("\n");

    /// <summary>Brings balances by account into the form of the independent file: its text, but for the line ends.</summary>
    private static string AsTheBalancesHaveThem(IEnumerable<(string Account, string Asset, BigInteger Balance)> lines)
    {
        var merged = new SortedDictionary<string, (string Asset, BigInteger Balance)>(StringComparer.Ordinal);
        foreach (var (account, asset, balance) in lines)
        {
            if (LeftOut.Contains(account))
            {
                balance.ShouldBe(0, $"{account} is left out because it is 0");
                continue;
            }

            var real = account.StartsWith('_') ? account[1..].Replace("_:", ":", StringComparison.Ordinal) : account;
            merged[real] = (asset, balance + (merged.TryGetValue(real, out var before) ? before.Balance : 0));
        }

        return "account,asset,balance\n"
            + string.Concat(merged.Select(line => $"{line.Key},{line.Value.Asset},{line.Value.Balance}\n"));
    }
}
