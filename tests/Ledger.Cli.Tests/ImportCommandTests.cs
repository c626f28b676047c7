using System.Text.Json.Nodes;
using Grpc.Core;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>The import as a whole: nothing from a bad file, everything once from a good one, whatever the ledger
/// does.</summary>
public sealed class ImportCommandTests : IDisposable
{
    private const string Good =
        """
        transaction,date,description,account,asset,amount
        1,2025-01-31,salary,cash,USD/2,100
        1,2025-01-31,salary,job,USD/2,-100
        2,2025-02-01,dinner,food,USD/2,70
        2,2025-02-01,dinner,tip,USD/2,10
        2,2025-02-01,dinner,cash,USD/2,-80
        3,2025-02-02,nothing,idle,USD/2,0
        """;

    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Fact]
    public async Task Good_file_is_imported_and_again_changes_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync();

        var first = await ImportAsync(server, Good);
        var again = await ImportAsync(server, Good);
        var grown = await ImportAsync(
            server, Good + "\n4,2025-02-03,snack,food,USD/2,1\n4,2025-02-03,snack,cash,USD/2,-1\n");

        first.ExitCode.ShouldBe(0, first.Error);
        first.Json.ToJsonString().ShouldBe(Summary(accounts: (5, 0), transactions: (3, 0), transfers: (3, 0)));
        again.ExitCode.ShouldBe(0);
        again.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (0, 3), transfers: (0, 3)));
        again.Error.ShouldContain("Nothing was booked: all of it was imported before.");
        grown.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (1, 3), transfers: (1, 3)));
        (await server.CliAsync("balances", "--output", "csv")).Out.ShouldBe(
            "account,asset,balance\r\ncash,USD/2,19\r\nfood,USD/2,71\r\nidle,USD/2,0\r\njob,USD/2,-100\r\n"
            + "tip,USD/2,10\r\n");
        (await server.CliAsync("balances", "--all", "--output", "csv")).Out.ShouldContain("ledger-imports:");
    }

    [Fact]
    public async Task Bad_file_changes_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync();

        var result = await ImportAsync(server, Good + "\n4,2025-02-03,odd,food,USD/2,1\n");

        result.ExitCode.ShouldBe(2);
        result.Error.ShouldContain($"{file}:8: transaction '4' does not balance");
        result.Error.ShouldContain("nothing was sent");
        server.Ledger.CallCount("OpenAccounts").ShouldBe(0);
    }

    [Fact]
    public async Task Each_transfer_counts_on_the_date_of_its_line()
    {
        await using var server = await FakeServer.InMemoryAsync();

        (await ImportAsync(server, Good)).ExitCode.ShouldBe(0);
        var statement = await server.CliAsync("accounts", "statement", "cash", "--output", "json");

        statement.Json["entries"]!.AsArray().Select(e => (string?)e!["transfer"]!["effectiveTime"])
            .ShouldBe(["2025-01-31T00:00:00Z", "2025-02-01T00:00:00Z", "2025-02-01T00:00:00Z"]);
    }

    [Theory]
    [InlineData("salary,", "Salary,", 2, "1", "another description (salary before, Salary now)")]
    [InlineData("2025-01-31", "2025-01-30", 2, "1", "another date (2025-01-31 before, 2025-01-30 now)")]
    [InlineData("100", "120", 2, "1", "another amount (100 before, 120 now)")]
    [InlineData(",cash,USD/2,100", ",till,USD/2,100", 2, "1", "another debit account (cash before, till now)")]
    [InlineData(",job,", ",gift,", 2, "1", "another credit account (job before, gift now)")]
    [InlineData(
        "USD/2,100\n1,2025-01-31,salary,job,USD/2,-100", "USD/2,-100\n1,2025-01-31,salary,job,USD/2,100", 2, "1",
        "another debit account (cash before, job now), another credit account (job before, cash now)")]
    [InlineData(
        ",salary,cash,USD/2,100\n1,2025-01-31,salary,job,", ",salary,purse,USD/2,100\n1,2025-01-31,salary,firm,", 2,
        "1",
        "another debit account (cash before, purse now), another credit account (job before, firm now)")]
    [InlineData(
        "tip,USD/2,10\n2,2025-02-01,dinner,cash,USD/2,-80", "cash,USD/2,-70", 4, "2",
        "another amount on cash (-80 before, -70 now)")]
    [InlineData(
        "idle,USD/2,0", "idle,USD/2,7\n3,2025-02-02,nothing,job,USD/2,-7", 7, "3",
        "another amount on idle (0 before, 7 now)")]
    [InlineData(
        "USD/2,100\n1,2025-01-31,salary,job,USD/2,-100", "USD/2,0\n1,2025-01-31,salary,job,USD/2,0", 2, "1",
        "another amount on cash (100 before, 0 now)")]
    public async Task A_line_that_was_edited_is_named_and_not_booked_again(
        string before, string after, int line, string key, string says)
    {
        await using var server = await FakeServer.InMemoryAsync();
        var edited = Good.ReplaceLineEndings("\n").Replace(before, after, StringComparison.Ordinal);
        edited.ShouldNotBe(Good.ReplaceLineEndings("\n"));
        await ImportAsync(server, Good);
        var booked = server.Ledger.TransferCount;
        var balances = (await server.CliAsync("balances", "--output", "json")).Json;

        var result = await ImportAsync(server, edited);

        result.ExitCode.ShouldBe(3, result.Error);
        result.Error.ShouldContain($"{file}:{line}: transaction '{key}' was imported before with {says}");
        result.Error.ShouldContain("; nothing was booked");
        ((int)result.Json["transactions"]!["created"]!).ShouldBe(0);
        ((int)result.Json["transactions"]!["rejected"]!).ShouldBe(1);
        server.Ledger.TransferCount.ShouldBe(booked);
        var now = (await server.CliAsync("balances", "--output", "json")).Json["balances"]!.AsArray();
        foreach (var balance in balances["balances"]!.AsArray())
        {
            now.ShouldContain(one => JsonNode.DeepEquals(one, balance));
        }
    }

    [Theory]
    [InlineData("lines")]
    [InlineData("line ends")]
    [InlineData("spaces")]
    [InlineData("empty lines and a mark")]
    public async Task The_same_books_saved_otherwise_are_the_same(string how)
    {
        await using var server = await FakeServer.InMemoryAsync();
        var lines = Good.ReplaceLineEndings("\n").Split('\n');
        await ImportAsync(server, Good);

        var result = await ImportAsync(server, how switch
        {
            "lines" => string.Join('\n', [lines[0], .. lines.Skip(1).Reverse()]),
            "line ends" => string.Join("\r\n", lines) + "\r\n",
            "spaces" => string.Join('\n', lines).Replace(",", " , ", StringComparison.Ordinal),
            _ => "\uFEFF" + string.Join('\r', lines) + "\r\r,,,,,\r",
        });

        result.ExitCode.ShouldBe(0, result.Error);
        result.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (0, 3), transfers: (0, 3)));
    }

    [Fact]
    public async Task Another_namespace_is_another_import()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await ImportAsync(server, Good);

        var other = await ImportAsync(server, Good, "--namespace", "others");
        var piped = await server.CliWithInputAsync(Good, "import", "-", "--namespace", "others", "--output", "json");
        var nameless = await server.CliWithInputAsync(Good, "import", "-");

        other.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (3, 0), transfers: (3, 0)));
        piped.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (0, 3), transfers: (0, 3)));
        nameless.ExitCode.ShouldBe(2);
        nameless.Error.ShouldContain("--namespace");
    }

    [Fact]
    public async Task What_was_rejected_is_tried_again_by_a_new_attempt_and_what_was_booked_is_not()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await server.CliAsync(
            "accounts", "open", "job", "--asset", "USD/2", "--code", "9", "--debits-must-not-exceed-credits");
        const string text =
            """
            transaction,date,description,debit,credit,asset,amount
            1,2025-01-31,early,job,cash,USD/2,50
            2,2025-01-31,funds,cash,job,USD/2,100
            """;

        var first = await ImportAsync(server, text);
        var again = await ImportAsync(server, text);
        var edited = await ImportAsync(server, text.Replace("early", "late", StringComparison.Ordinal));
        var second = await ImportAsync(server, text, "--attempt", "2");
        var third = await ImportAsync(server, text, "--attempt", "3");
        var back = await ImportAsync(server, text);
        var column = await ImportAsync(server, text.Replace("early,job,cash,USD/2,50", "early,job,cash,USD/2,51,4")
            .Replace("amount", "amount,attempt").Replace("100", "100,"));

        first.ExitCode.ShouldBe(3);
        first.Error.ShouldContain($"{file}:2: transaction '1' was rejected: EXCEEDS_CREDITS (transfer ");
        again.Error.ShouldContain("transaction '1' was rejected before: EXCEEDS_CREDITS");
        again.Error.ShouldContain("; --attempt 2 tries it again");
        edited.ExitCode.ShouldBe(3);
        second.ExitCode.ShouldBe(0, second.Error);
        second.Json["transactions"]!.ToJsonString().ShouldBe(Counts((1, 1)).ToJsonString());
        third.Json["transactions"]!.ToJsonString().ShouldBe(Counts((0, 2)).ToJsonString());
        back.ExitCode.ShouldBe(0, back.Error);
        back.Json["transactions"]!.ToJsonString().ShouldBe(Counts((0, 2)).ToJsonString());
        column.ExitCode.ShouldBe(3);
        column.Error.ShouldContain("transaction '1' was imported before with another amount (50 before, 51 now)");
        (await server.CliAsync("balances", "--output", "csv")).Out.ShouldContain("cash,USD/2,50\r\n");
    }

    [Fact]
    public async Task Unknown_outcomes_in_the_middle_are_survived()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.After = call =>
            call is { Method: "OpenAccounts", Number: 1 } or { Method: "PostTransaction", Number: < 3 }
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(0, result.Error);
        server.Ledger.TransactionCount.ShouldBe(3);
    }

    [Fact]
    public async Task When_patience_ends_the_outcome_is_unknown_and_a_second_run_finishes()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.Before = call => call.Method == "PostTransaction"
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var first = await ImportAsync(server, Good, "--retry-for", "200ms");
        server.Ledger.Before = static _ => Task.CompletedTask;
        var second = await ImportAsync(server, Good);

        first.ExitCode.ShouldBe(4);
        first.Error.ShouldContain("running the same import again is safe");
        ((int)first.Json["transactions"]!["unknown"]!).ShouldBeGreaterThan(0);
        ((int)first.Json["transactions"]!["notSent"]!)
            .ShouldBeGreaterThan(0, "dinner waits for the salary on the same account");
        second.ExitCode.ShouldBe(0, second.Error);
        ((int)second.Json["transactions"]!["created"]!).ShouldBe(3);
    }

    [Fact]
    public async Task An_interruption_ends_with_a_summary_and_a_second_run_finishes()
    {
        await using var server = await FakeServer.InMemoryAsync();
        using var interrupt = new CancellationTokenSource();
        var held = new TaskCompletionSource();
        server.Ledger.Before = async call =>
        {
            if (call is { Method: "PostTransaction", Number: 2 })
            {
                await interrupt.CancelAsync();
                await held.Task;
            }
        };
        var chained = string.Join('\n', Good.ReplaceLineEndings("\n").Split('\n').Take(6))
            + "\n3,2025-02-02,more,food,USD/2,1\n3,2025-02-02,more,cash,USD/2,-1\n";
        await File.WriteAllTextAsync(file, chained);

        var first = await server.CliUntilAsync(interrupt.Token, "import", file, "--output", "json");
        held.SetResult();
        server.Ledger.Before = static _ => Task.CompletedTask;
        var again = await ImportAsync(server, chained);

        first.ExitCode.ShouldBe(4, first.Error);
        first.Json["transactions"]!.ToJsonString().ShouldBe(Counts((1, 0), unknown: 1, notSent: 1).ToJsonString());
        first.Error.ShouldContain("error: interrupted; the outcome of 1 transactions is unknown, 1 were not sent");
        again.ExitCode.ShouldBe(0, again.Error);
        ((int)again.Json["transactions"]!["rejected"]!).ShouldBe(0);
    }

    [Fact]
    public async Task When_accounts_cannot_be_opened_in_time_a_second_run_is_called_safe()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.Before = call => call.Method == "OpenAccounts"
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var result = await ImportAsync(server, Good, "--retry-for", "100ms");

        result.ExitCode.ShouldBe(4);
        result.Error.ShouldContain("running the same import again is safe");
    }

    [Fact]
    public async Task Rejections_are_told_with_their_line_and_end_with_3()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await server.CliAsync(
            "accounts", "open", "cash", "--asset", "USD/2", "--code", "9", "--credits-must-not-exceed-debits");
        await server.CliAsync(
            "accounts", "open", "tip", "--asset", "USD/2", "--code", "9", "--debits-must-not-exceed-credits");

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldContain($"{file}:5: transaction '2' was rejected: EXCEEDS_CREDITS (transfer ");
        result.Error.ShouldContain("error: rejected: 1 of 3 transactions.");
        ((int)result.Json["transactions"]!["rejected"]!).ShouldBe(1);
        ((int)result.Json["transfers"]!["rejected"]!)
            .ShouldBe(2, "nothing of a transaction that is rejected is recorded");
        ((int)result.Json["transfers"]!["created"]!).ShouldBe(1);
        ((int)result.Json["accounts"]!["existing"]!).ShouldBe(2, "an account of another code will do");
    }

    [Fact]
    public async Task A_transaction_of_more_transfers_than_can_happen_at_once_is_refused_before_anything_is_sent()
    {
        await using var server = await FakeServer.InMemoryAsync();
        var text = new System.Text.StringBuilder("transaction,date,description,account,asset,amount\n");
        text.Append("1,2025-01-31,pay,cash,USD/2,-8190\n");
        for (var i = 0; i < 8190; i++)
        {
            text.Append("1,2025-01-31,pay,a").Append(i).Append(",USD/2,1\n");
        }

        await File.WriteAllTextAsync(file, text.ToString());
        var result = await server.CliAsync("import", file);

        result.ExitCode.ShouldBe(2);
        result.Error.ShouldContain("needs 8190 transfers; at most 8189");
        server.Ledger.CallCount("OpenAccounts").ShouldBe(0);
    }

    [Fact]
    public async Task An_account_with_another_asset_stops_the_import_before_any_transfer()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await server.CliAsync("accounts", "open", "tip", "--asset", "EUR/2", "--code", "1");

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldContain($"{file}:5: account tip was rejected: EXISTS_WITH_DIFFERENT_LEDGER");
        server.Ledger.TransferCount.ShouldBe(0);
    }

    [Fact]
    public async Task Nobody_there_is_told_at_once()
    {
        var server = await FakeServer.OnPortAsync();
        var address = server.Address;
        await server.DisposeAsync();
        await File.WriteAllTextAsync(file, Good);
        var error = new StringWriter();

        var code = await LedgerCli.RunAsync(
            ["import", file, "--server", address.ToString()], new StringWriter(), error);

        code.ShouldBe(5, error.ToString());
    }

    [Theory]
    [InlineData("--separator=;;", "--separator")]
    [InlineData("--separator=-", "--separator")]
    [InlineData("--decimal=x", "--decimal")]
    [InlineData("--date-format=dd.MM", "--date-format")]
    [InlineData("--date-format=%", "--date-format")]
    [InlineData("--attempt=0", "--attempt")]
    [InlineData("--namespace=", "--namespace")]
    [InlineData("--map=does-not-exist.csv", "does-not-exist.csv")]
    public async Task A_bad_option_is_refused(string option, string says)
    {
        await using var server = await FakeServer.InMemoryAsync();

        var result = await ImportAsync(server, Good, option);

        result.ExitCode.ShouldBe(2, result.Error);
        result.Error.ShouldContain(says);
        server.Ledger.CallCount("OpenAccounts").ShouldBe(0);
    }

    private static string Summary(
        (int Opened, int Existing) accounts, (int Created, int Existing) transactions,
        (int Created, int Existing) transfers) =>
        new JsonObject
        {
            ["accounts"] = new JsonObject { ["opened"] = accounts.Opened, ["existing"] = accounts.Existing },
            ["transactions"] = Counts(transactions),
            ["transfers"] = Counts(transfers),
        }.ToJsonString();

    private static JsonObject Counts((int Created, int Existing) counts, int unknown = 0, int notSent = 0) => new()
    {
        ["created"] = counts.Created,
        ["existing"] = counts.Existing,
        ["rejected"] = 0,
        ["unknown"] = unknown,
        ["notSent"] = notSent,
    };

    private async Task<Result> ImportAsync(FakeServer server, string text, params string[] more)
    {
        await File.WriteAllTextAsync(file, text);
        return await server.CliAsync(["import", file, "--output", "json", .. more]);
    }
}
