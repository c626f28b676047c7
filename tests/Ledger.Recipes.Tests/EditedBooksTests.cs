using System.Text;
using Ledger.Cli.Import;
using Ledger.Recipes.Tests.Support;

namespace Ledger.Recipes.Tests;

/// <summary>Goal: books move money once, however an editor or a spreadsheet has saved them, and each edit is named.
/// Method:
/// books of several programs are imported, saved in every way and imported again, and then with one column after the
/// other edited; after each, every balance, running and dated, is what it was.</summary>
public sealed class EditedBooksTests
{
    private const string Example = "/usr/share/doc/beancount/examples/example.beancount";

    private static readonly Book s_postings = new(
        """
        transaction,date,description,account,asset,amount,code
        inv-7,2024-01-31,salary,ed:bank,EUR/2,100000,3
        inv-7,2024-01-31,salary,ed:income,EUR/2,-100000,3
        inv-8,2024-02-01,"rent, ""all in""; February",ed:rent,EUR/2,45000,3
        inv-8,2024-02-01,"rent, ""all in""; February",ed:bank,EUR/2,-45000,3
        inv-9,2024-02-02,nothing moved,ed:bank,EUR/2,0,3
        """,
        "",
        [],
        [
            new("transaction", "inv-9", "inv-8", "transaction 'inv-8' (has another|was imported before with)"),
            new("date", "2024-02-01", "2024-02-03",
                @"inv-8' was imported before with another date \(2024-02-01 before, 2024-02-03 now\)"),
            new("description", "salary", "Salary January",
                @"with another description \(salary before, Salary January now\)"),
            new("account", "ed:rent", "ed:food", @"with another debit account \(ed:rent before, ed:food now\)"),
            new("account", "ed:income", "ed:gift", @"with another credit account \(ed:income before, ed:gift now\)"),
            new("asset", "EUR/2", "USD/2", "with another asset|holds|DIFFERENT_ASSET|asset"),
            new("amount", "45000", "45001", "amount 45000 before|another amount|add up to 1 and not to 0"),
            new("code", "3", "4", @"with another code \(3 before, 4 now\)"),
        ]);

    private static readonly Book s_transfers = new(
        """
        Nr;Datum;Text;Soll;Haben;Betrag;Saldo
        1;31.01.2025;Miete Januar;Büro & Miete;Bank Konto;450,50 €;549,50
        2;01.02.2025;Kaffee ☕ für Zoë;user@example.com;Bank Konto;3,20 €;546,30
        3;01.02.2025;Gebühr;acme.co/fees;Bank Konto;0,01 €;546,29
        """,
        """
        kind,from,to
        column,Nr,transaction
        column,Datum,date
        column,Text,description
        column,Soll,debit
        column,Haben,credit
        column,Betrag,amount-and-asset
        column,Saldo,
        asset,€,EUR/2
        asset,$,USD/2
        account,Bank Konto,bank:{asset}
        account,Büro & Miete,office:{asset}
        account,user@example.com,coffee:{asset}
        account,acme.co/*,fees:{*}:{asset}
        """,
        ["--decimal", ",", "--date-format", "dd.MM.yyyy"],
        [
            new("Nr", "3", "2", "column 'Nr': '2' is on line 3 already"),
            new("Datum", "31.01.2025", "30.01.2025", @"with another date \(2025-01-31 before, 2025-01-30 now\)"),
            new("Text", "Gebühr", "Gebuehr", @"with another description \(Gebühr before, Gebuehr now\)"),
            new("Soll", "Büro & Miete", "acme.co/rent",
                @"with another debit account \(office:EUR before, fees:rent:EUR now\)"),
            new("Haben", "Bank Konto", "acme.co/bank",
                @"with another credit account \(bank:EUR before, fees:bank:EUR now\)"),
            new("Betrag", "0,01 €", "0,02 €", @"with another amount \(1 before, 2 now\)"),
            new("Betrag", "0,01 €", "0,01 $", @"with another asset \(EUR/2 before, USD/2 now\)"),
            new("Saldo", "546,29", "0", ""),
        ],
        Separator: ';');

    [Theory]
    [InlineData("postings")]
    [InlineData("transfers")]
    public Task Books_are_booked_once_and_each_edit_is_named(string which) =>
        EditAsync(which == "postings" ? s_postings : s_transfers);

    [ProgramFact("hledger")]
    public async Task A_journal_of_hledger_is_booked_once_and_each_edit_is_named()
    {
        var exported = await ProgramFactAttribute.RunAsync(
            "hledger", "-f", Path.Combine(Importing.Data, "hledger.journal"), "print", "-O", "csv");
        await EditAsync(new Book(
            exported,
            await File.ReadAllTextAsync(Path.Combine(Importing.Data, "hledger.map.csv")),
            ["--decimal", "."],
            [
                new("txnidx", "1", "99", ""),
                new("date", "2024-01-05", "2024-01-06", @"'A-3' was imported before with another date"),
                new("date2", "", "2024-01-06", ""),
                new("status", "*", "!", ""),
                new("code", "A-2", "A-1", "transaction 'A-1'"),
                new("description", "coin", "a coin", @"with another description \(coin before, a coin now\)"),
                new("comment", "", "said later", ""),
                new("account", "Ausgaben:Büro & Miete", "Aktiva:Neu", "'A-2' was imported before with another"),
                new("amount", "2.5000", "2.5001", "another amount|add up"),
                new("commodity", "JPY", "USD", "another|add up|decimals"),
                new("credit", "1200.00", "1", ""),
                new("debit", "1000.00", "1", ""),
                new("posting-status", "", "*", ""),
                new("posting-comment", "", "said later", ""),
            ]));
    }

    [ProgramFact("bean-query")]
    public async Task Beancounts_example_is_booked_once_and_each_edit_is_named()
    {
        var directory = Directory.CreateTempSubdirectory("ledger-beancount-").FullName;
        try
        {
            var books = Path.Combine(directory, "example.beancount");
            File.Copy(Example, books);
            var exported = await ProgramFactAttribute.RunAsync(
                "bean-query", "-f", "csv", books,
                "SELECT id, date, narration, account, units(position) WHERE year = 2014 AND month < 3");
            var first = Read(exported, ',')[1];
            await EditAsync(new Book(
                exported,
                await File.ReadAllTextAsync(Path.Combine(Importing.Data, "beancount.map.csv")),
                ["--decimal", "."],
                [
                    new("id", first[0], Read(exported, ',')[^1][0], "transaction '"),
                    new("date", first[1], "2014-03-31", $"with another date \\({first[1]} before, 2014-03-31 now\\)"),
                    new("narration", first[2], first[2] + " edited", "with another description"),
                    new("account", first[3], "Assets:Elsewhere", "with another "),
                    new("units_position", first[4], "1" + first[4].TrimStart('-', ' '), "with another "),
                ]));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task EditAsync(Book book)
    {
        await using var node = await Node.StartAsync();
        var rows = Read(book.Text, book.Separator);
        var first = await ImportAsync(node, book, book.Text, book.Separator);
        first.ExitCode.ShouldBe(0, first.Printed);
        var count = first.Count("transactions created");
        count.ShouldBe(rows.Skip(1).Select(row => row[book.KeyIn(rows)]).Distinct().Count());
        var expected = await StateAsync(node);

        var random = new Random(11);
        foreach (var (how, text, separator) in new (string, string, char)[]
        {
            ("as it was", book.Text, book.Separator),
            ("CRLF", Write(rows, book.Separator, "\r\n", quoted: false), book.Separator),
            ("CR", Write(rows, book.Separator, "\r", quoted: false), book.Separator),
            ("a byte order mark", "\uFEFF" + book.Text, book.Separator),
            ("quoted", Write(rows, book.Separator, "\n", quoted: true), book.Separator),
            ("semicolons", Write(rows, ';', "\r\n", quoted: false), ';'),
            ("tabs", Write(rows, '\t', "\n", quoted: true), '\t'),
            ("no end of line at the end, empty rows before",
                Write([.. rows, .. Empty(rows, 3)], ',', "\n", quoted: false).TrimEnd('\n'), ','),
            ("shuffled", Write([rows[0], .. rows.Skip(1).OrderBy(_ => random.Next())], ',', "\n", quoted: false), ','),
            ("all of it",
                "\uFEFF" + Write([rows[0], .. rows.Skip(1).OrderBy(_ => random.Next())], ';', "\r\n", quoted: true),
                ';'),
        })
        {
            var again = await ImportAsync(node, book, text, separator);
            again.ExitCode.ShouldBe(0, $"{how}: {again.Printed}");
            again.Count("transactions existing").ShouldBe(count, how);
            again.Printed.ShouldContain("Nothing was booked: all of it was imported before.");
        }

        (await StateAsync(node)).ShouldBe(expected);
        foreach (var edit in book.Edits)
        {
            var column = rows[0].ToList().IndexOf(edit.Column);
            column.ShouldBeGreaterThanOrEqualTo(0, edit.Column);
            var place = rows.FindIndex(1, row => row[column] == edit.Before);
            place.ShouldBeGreaterThan(0, $"{edit.Column} {edit.Before}");

            // The whole transaction, where that is what a column says something of.
            var key = rows[place][book.KeyIn(rows)];
            var together = edit.Column is "date" or "description" or "narration" or "code" or "transaction" or "id";
            var edited = rows.Select(
                (row, i) =>
                    i == place || (i > 0 && together && row[book.KeyIn(rows)] == key && row[column] == edit.Before)
                ? [.. row.Select((cell, at) => at == column ? edit.After : cell)]
                : row).ToList();
            var result = await ImportAsync(
                node, book, Write(edited, book.Separator, "\n", quoted: false), book.Separator);
            if (edit.Named.Length == 0)
            {
                result.ExitCode.ShouldBe(0, $"{edit}: {result.Printed}");
                result.Count("transactions existing").ShouldBe(count, edit.ToString());
            }
            else
            {
                result.ExitCode.ShouldNotBe(0, $"{edit}: {result.Printed}");
                result.Printed.ShouldMatch(edit.Named, edit.ToString());
                if (result.Printed.Contains("transactions created", StringComparison.Ordinal))
                {
                    result.Count("transactions created").ShouldBe(0, $"{edit}: {result.Printed}");
                }
            }

            (await StateAsync(node)).ShouldBe(expected, edit.ToString());
        }
    }

    private static Task<(int ExitCode, string Printed)> ImportAsync(Node node, Book book, string text, char separator)
    {
        var files = new Dictionary<string, string> { ["books.csv"] = text };
        string[] line = [
            "import", "books.csv", "--separator", separator == '\t' ? "tab" : separator.ToString(), .. book.Options];
        if (book.Map.Length > 0)
        {
            files["map.csv"] = book.Map;
            line = [.. line, "--map", "map.csv"];
        }

        return node.CliAsync(line, files);
    }

    // Every balance; and every entry of each account with its date and its running balance. Accounts that an edited
    // line opened and that have no entry are no movement.
    private static async Task<string> StateAsync(Node node)
    {
        var state = new StringBuilder();
        foreach (var account in (await node.Ledger.ListAccountsAsync(null, 1_000)).Accounts
            .Where(static one => one.EntryCount > 0)
            .OrderBy(static one => one.Spec.Address.Text, StringComparer.Ordinal))
        {
            state.Append($"{account.Spec.Address} {account.Spec.Asset} {account.Balances}\n");
            if (!account.Spec.Address.Text.StartsWith("ledger-imports", StringComparison.Ordinal))
            {
                foreach (var entry in await node.StatementAsync(account.Spec.Address.Text))
                {
                    state.Append($"  {entry}\n");
                }
            }
        }

        return state.ToString();
    }

    private static IEnumerable<IReadOnlyList<string>> Empty(List<IReadOnlyList<string>> rows, int count) =>
        Enumerable.Repeat<IReadOnlyList<string>>([.. rows[0].Select(static _ => "")], count);

    private static List<IReadOnlyList<string>> Read(string text, char separator)
    {
        var lines = CsvLines.Read(Encoding.UTF8.GetBytes(text), separator, out var unreadable);
        unreadable.ShouldBeNull();
        return [.. lines.Where(static line => !line.IsBlank).Select(static line => line.Fields)];
    }

    private static string Write(IEnumerable<IReadOnlyList<string>> rows, char separator, string end, bool quoted) =>
        string.Concat(
            rows.Select(row => string.Join(separator, row.Select(cell => Cell(cell, separator, quoted))) + end));

    private static string Cell(string text, char separator, bool quoted) =>
        quoted || text.Contains(separator) || text.IndexOfAny(['"', '\r', '\n', ',', ';']) >= 0
            ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : text;

    /// <summary>An edit of one column.</summary>
    /// <param name="Column">The column.</param>
    /// <param name="Before">A value that it has.</param>
    /// <param name="After">What it becomes.</param>
    /// <param name="Named">How the change is named; empty where the column says nothing that is booked.</param>
    private sealed record Edit(string Column, string Before, string After, string Named);

    /// <summary>Books, and what may be edited in them.</summary>
    private sealed record Book(string Text, string Map, string[] Options, Edit[] Edits, char Separator = ',')
    {
        /// <summary>The column of the key: hledger's has the name that is another column's elsewhere.</summary>
        public int KeyIn(List<IReadOnlyList<string>> rows) => new[] { "transaction", "id", "Nr", "code" }
            .Select(name => rows[0].ToList().IndexOf(name)).First(static place => place >= 0);
    }
}
