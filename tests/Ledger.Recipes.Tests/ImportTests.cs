using System.Text;
using Ledger.Recipes.Tests.Support;

namespace Ledger.Recipes.Tests;

/// <summary>Goal: books can be imported as often as one likes, and edited, and moved money once. Method: the command
/// line against a real ledger on SQLite.</summary>
public sealed class ImportTests
{
    private const string Header = "transaction,date,description,account,asset,amount";

    [Fact]
    public async Task Real_books_are_booked_once_however_they_are_edited_and_saved()
    {
        await using var node = await Node.StartAsync();
        var text = await File.ReadAllTextAsync(Path.Combine(Importing.Books, "books.postings.csv"));
        var expected = (await File.ReadAllTextAsync(Path.Combine(Importing.Books, "books.balances.csv")))
            .ReplaceLineEndings("\n");
        var lines = text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var count = lines.Skip(1).Select(static line => line.Split(',')[0]).Distinct().Count();

        var first = await node.ImportAsync("books.csv", text);
        first.ExitCode.ShouldBe(0, first.Printed);
        first.Count("transactions created").ShouldBe(count);
        (await node.BalancesAsync()).ShouldBe(expected);

        // The same, again; with other line ends; with its lines in another order.
        var random = new Random(7);
        foreach (var same in new[]
        {
            text,
            "\uFEFF" + string.Join("\r\n", lines) + "\r\n\r\n",
            string.Join('\n', [lines[0], .. lines.Skip(1).OrderBy(_ => random.Next())]),
        })
        {
            var again = await node.ImportAsync("books.csv", same);
            again.ExitCode.ShouldBe(0, again.Printed);
            again.Count("transactions existing").ShouldBe(count);
            again.Printed.ShouldContain("Nothing was booked: all of it was imported before.");
        }

        // Each column edited, on a line each; and every account of the file mapped to another.
        var edited = await node.ImportAsync("books.csv", Edit(lines, [
            ("1", static cells => cells[1] = "2002-01-02"),
            ("2", static cells => cells[2] = "edited"),
            ("3", static cells => cells[3] = "another:" + cells[3]),
            ("4", static cells => cells[5] += "0"),
        ]));
        edited.ExitCode.ShouldBe(3, edited.Printed);
        edited.Count("transactions rejected").ShouldBe(4);
        edited.Count("transactions created").ShouldBe(0);
        edited.Printed.ShouldContain(
            "transaction '1' was imported before with another date (2002-01-01 before, 2002-01-02 now)");
        edited.Printed.ShouldContain("transaction '2' was imported before with another description");
        edited.Printed.ShouldContain("transaction '3' was imported before with another debit account");
        edited.Printed.ShouldContain("transaction '4' was imported before with another amount");

        var moved = await node.CliAsync(["import", "books.csv", "--map", "map.csv"], new Dictionary<string, string>
        {
            ["books.csv"] = text, ["map.csv"] = "kind,from,to\naccount,*,moved:{*}\n",
        });
        moved.ExitCode.ShouldBe(3, moved.Printed);
        moved.Count("transactions created").ShouldBe(0);
        (await MoneyAsync(node)).ShouldBe(string.Join('\n', Money(expected)));
    }

    [Fact]
    public async Task Limits_see_an_account_in_the_order_of_the_file()
    {
        await using var node = await Node.StartAsync();
        await OpenLimitedAsync(node, "lim:w");
        var text = new StringBuilder(Header).Append('\n');
        for (var i = 0; i < 200; i++)
        {
            // It is filled, and emptied, and filled: in any other order a payment is more than there is.
            var amount = i % 2 == 0 ? -100 : 100;
            text.Append($"o{i},2024-01-{1 + (i / 20):D2},row {i},lim:w,EUR/2,{amount}\n");
            text.Append($"o{i},2024-01-{1 + (i / 20):D2},row {i},lim:world,EUR/2,{-amount}\n");
        }

        var result = await node.ImportAsync("order.csv", text.ToString());

        result.ExitCode.ShouldBe(0, result.Printed);
        result.Count("transactions created").ShouldBe(200);
        (await node.StatementAsync("lim:w")).Select(static e => e.Key)
            .ShouldBe(Enumerable.Range(0, 200).Select(static i => $"o{i}"));
        (await node.StatementAsync("lim:w")).Select(static e => e.Balance).Distinct().Order().ShouldBe([-100, 0]);
    }

    [Fact]
    public async Task What_was_rejected_is_tried_again_and_what_was_booked_stays_booked_once()
    {
        await using var node = await Node.StartAsync();
        await OpenLimitedAsync(node, "job");
        const string text =
            """
            date,description,debit,credit,asset,amount
            2025-01-31,early,job,cash,EUR/2,50
            2025-01-31,funds,cash,job,EUR/2,100
            2025-01-31,nothing,cash,job,EUR/2,0
            """;

        var first = await node.ImportAsync("pay.csv", text);
        first.ExitCode.ShouldBe(3, first.Printed);
        first.Printed.ShouldContain(":2: transaction '1' was rejected: EXCEEDS_CREDITS (transfer ");
        var again = await node.ImportAsync("pay.csv", text);
        again.Printed.ShouldContain("transaction '1' was rejected before: EXCEEDS_CREDITS");
        again.Printed.ShouldContain("--attempt 2 tries it again");
        var changed = await node.ImportAsync("pay.csv", text.Replace("early", "late", StringComparison.Ordinal));
        changed.Printed.ShouldContain(
            "transaction '1' was rejected before, with other content; --attempt 2 tries it again");

        var second = await node.ImportAsync("pay.csv", text, "--attempt", "2");
        second.ExitCode.ShouldBe(0, second.Printed);
        (second.Count("transactions created"), second.Count("transactions existing")).ShouldBe((1, 2));
        foreach (var attempt in new[] { "1", "2", "3" })
        {
            var more = await node.ImportAsync("pay.csv", text, "--attempt", attempt);
            more.ExitCode.ShouldBe(0, more.Printed);
            more.Count("transactions existing").ShouldBe(3);
        }

        // Edited wholly, under each attempt; and the one that moved nothing now moves something.
        foreach (var attempt in new[] { "1", "2", "4" })
        {
            var edited = await node.ImportAsync(
                "pay.csv", text.Replace("early,job,cash", "early,firm,till", StringComparison.Ordinal), "--attempt",
                attempt);
            edited.ExitCode.ShouldBe(3, edited.Printed);
            edited.Printed.ShouldContain(
                "transaction '1' was imported before with another debit account (job before, firm now)");
        }

        var moves = await node.ImportAsync("pay.csv", text.Replace("EUR/2,0", "EUR/2,9", StringComparison.Ordinal));
        moves.ExitCode.ShouldBe(3, moves.Printed);
        moves.Printed.ShouldContain(
            "transaction '3' was imported before with another amount on cash (0 before, 9 now)");
        (await MoneyAsync(node)).ShouldBe("cash,EUR/2,50\njob,EUR/2,-50");
    }

    private static string Edit(string[] lines, (string Key, Action<string[]> Change)[] edits) =>
        string.Join('\n', lines.Select(line =>
        {
            var cells = line.Split(',');
            foreach (var (_, change) in edits.Where(edit => edit.Key == cells[0]))
            {
                change(cells);
            }

            return string.Join(',', cells);
        }));

    private static async Task OpenLimitedAsync(Node node, string account)
    {
        var (exitCode, printed) = await node.CliAsync(
            ["accounts", "open", account, "--asset", "EUR/2", "--code", "1", "--debits-must-not-exceed-credits"],
            new Dictionary<string, string>());
        exitCode.ShouldBe(0, printed);
    }

    // What holds money: an edited line may have opened an account, which is not a movement.
    private static async Task<string> MoneyAsync(Node node) => string.Join('\n', Money(await node.BalancesAsync()));

    private static IEnumerable<string> Money(string balances) =>
        balances.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Skip(1).Where(static line => !line.EndsWith(",0", StringComparison.Ordinal));
}
