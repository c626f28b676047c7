using System.Globalization;
using System.Text;
using Ledger.Cli.Import;
using Ledger.Recipes.Tests.Support;

namespace Ledger.Recipes.Tests;

/// <summary>Goal: the books of beancount and hledger, exported by them and imported here, show on every day the
/// balances that those programs compute. Method: the programs themselves, and a real ledger on SQLite.</summary>
public sealed class OtherProgramsTests
{
    private const string Example = "/usr/share/doc/beancount/examples/example.beancount";

    [ProgramFact("bean-query")]
    public async Task Beancounts_example_has_its_balances_on_every_day()
    {
        // A copy: the program keeps a cache beside the file.
        var directory = Directory.CreateTempSubdirectory("ledger-beancount-").FullName;
        try
        {
            var books = Path.Combine(directory, "example.beancount");
            File.Copy(Example, books);

            // Not number: where currencies have decimals of different length, the program rounds that column to one
            // length.
            var exported = await QueryAsync(books, "SELECT id, date, narration, account, units(position)");
            await using var node = await Node.StartAsync();

            var result = await ImportAsync(node, exported, "beancount.map.csv");
            result.ExitCode.ShouldBe(0, result.Printed);
            var again = await ImportAsync(node, exported, "beancount.map.csv");
            again.Count("transactions created").ShouldBe(0, again.Printed);
            again.Count("transactions existing").ShouldBe(result.Count("transactions created"));

            // What the day brought to each account; the sums up to it are the dated balances.
            var days = Rows(await QueryAsync(
                books,
                "SELECT account, currency, date, sum(units(position)) GROUP BY account, currency, date ORDER BY date"));
            days.Count.ShouldBeGreaterThan(1_000);
            foreach (var account in days.GroupBy(static row => (Account: row[0], Currency: row[1])))
            {
                var statement = await node.StatementAsync($"{account.Key.Account}:{account.Key.Currency}");
                var balance = 0m;
                foreach (var row in account)
                {
                    balance += row[3].Length == 0 ? 0 : Number(row[3].Split(' ', 2)[0]);
                    On(statement, Date(row[2])).ShouldBe(
                        balance * (account.Key.Currency is "VBMPX" or "RGAGX" ? 1000 : 100),
                        $"{account.Key} on {row[2]}");
                }
            }

            // The running balance as the program itself adds it up, after each transaction.
            var running = Rows(await QueryAsync(
                books, "SELECT id, units(balance) WHERE account = 'Assets:US:ETrade:Cash' AND currency = 'USD'"));
            running.Count.ShouldBeGreaterThan(10);
            (await node.StatementAsync("Assets:US:ETrade:Cash:USD"))
                .GroupBy(static entry => entry.Key, static (key, entries) => (key, entries.Last().Balance))
                .ShouldBe(running.GroupBy(
                    static row => row[0], static (key, rows) => (key, 100 * Number(rows.Last()[1].Split(' ', 2)[0]))));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [ProgramFact("hledger")]
    public async Task A_journal_of_hledger_has_its_balances_on_every_day()
    {
        var journal = Path.Combine(Importing.Data, "hledger.journal");
        var exported = await ProgramFactAttribute.RunAsync("hledger", "-f", journal, "print", "-O", "csv");
        await using var node = await Node.StartAsync();

        var result = await ImportAsync(node, exported, "hledger.map.csv");
        result.ExitCode.ShouldBe(0, result.Printed);
        var again = await ImportAsync(node, exported, "hledger.map.csv");
        again.Count("transactions created").ShouldBe(0, again.Printed);
        again.Count("transactions existing").ShouldBe(8);

        var map = NameMap.Read(
            "map", await File.ReadAllBytesAsync(Path.Combine(Importing.Data, "hledger.map.csv")), out _)
                .ShouldNotBeNull();
        var table = Rows(await ProgramFactAttribute.RunAsync(
            "hledger", "-f", journal, "balance", "--daily", "--historical", "-N", "--layout=bare", "-O", "csv"),
            header: true);
        table.Count.ShouldBeGreaterThan(12);
        foreach (var row in table.Skip(1))
        {
            var asset = map.AssetOf(row[1]);
            var statement = await node.StatementAsync(map.AccountOf(row[0], asset));
            var unit = Unit(asset);
            for (var day = 2; day < row.Count; day++)
            {
                On(statement, Date(table[0][day])).ShouldBe(Number(row[day]) * unit, $"{row[0]} on {table[0][day]}");
            }
        }

        foreach (var (name, address)
            in new[] { ("Aktiva:Kasse", "aktiva:Kasse:EUR"), ("Aktiva:Bank Konto", "aktiva:bank:EUR") })
        {
            var register = Rows(await ProgramFactAttribute.RunAsync(
                "hledger", "-f", journal, "register", $"acct:^{name}$", "-O", "csv"));
            var theirs = register.GroupBy(static row => row[2])
                .Select(static one => (one.Key, 100 * Number(one.Last()[6].Split(' ')[0])));
            var ours = (await node.StatementAsync(address)).GroupBy(static entry => entry.Key)
                .Select(static one => (one.Key, one.Last().Balance));
            ours.ShouldBe(theirs, name);
        }
    }

    private static async Task<(int ExitCode, string Printed)> ImportAsync(Node node, string exported, string map) =>
        await node.CliAsync(
            ["import", "exported.csv", "--map", "map.csv", "--decimal", "."], new Dictionary<string, string>
        {
            ["exported.csv"] = exported,
            ["map.csv"] = await File.ReadAllTextAsync(Path.Combine(Importing.Data, map)),
        });

    private static Task<string> QueryAsync(string books, string query) =>
        ProgramFactAttribute.RunAsync("bean-query", "-f", "csv", books, query);

    private static List<IReadOnlyList<string>> Rows(string csv, bool header = false)
    {
        var lines = CsvLines.Read(Encoding.UTF8.GetBytes(csv), ',', out var unreadable);
        unreadable.ShouldBeNull();
        return [.. lines.Skip(header ? 0 : 1).Select(static line => line.Fields)];
    }

    // The balance when the day is over.
    private static decimal On(IReadOnlyList<Booked> statement, DateOnly day) =>
        statement.LastOrDefault(entry => entry.Date <= day)?.Balance ?? 0;

    private static DateOnly Date(string text) => DateOnly.ParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static decimal Number(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);

    private static decimal Unit(string asset) =>
        Enumerable.Range(0, int.Parse(asset.Split('/')[1], CultureInfo.InvariantCulture))
            .Aggregate(1m, static (unit, _) => unit * 10);
}
