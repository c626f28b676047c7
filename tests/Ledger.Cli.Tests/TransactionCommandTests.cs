using Grpc.Core;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>Holds, transactions and changes of accounts: exit codes, documents, and what is said beside them.</summary>
public sealed class TransactionCommandTests : IDisposable
{
    private const string Hold = "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60";
    private const string Other = "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f61";

    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Fact]
    public async Task Hold_is_made_extended_posted_in_part_and_voided()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");

        var held = await server.CliAsync(
            "transfers", "hold", "--debit", "a", "--credit", "b", "--amount", "100", "--id", Hold, "--expires-in", "7d",
            "--output", "json");
        var found = await server.CliAsync("transfers", "get", Hold, "--output", "json");
        var extended = await server.CliAsync(
            "transfers", "extend-hold", Hold, "--until", "2030-01-31", "--output", "json");
        var part = await server.CliAsync(
            "transfers", "post-hold", Hold, "--amount", "30", "--keep-rest", "--output", "json");
        var table = await server.CliAsync("transfers", "get", Hold);
        var voided = await server.CliAsync("transfers", "void", Hold, "--output", "json");
        var late = await server.CliAsync("transfers", "post-hold", Hold);

        held.ExitCode.ShouldBe(0, held.Error);
        ((string?)held.Json["amount"]).ShouldBe("100");
        found.ExitCode.ShouldBe(0, found.Error);
        ((string?)found.Json["transfer"]!["kind"]).ShouldBe("HOLD");
        ((string?)found.Json["transfer"]!["timeout"]).ShouldBe("604800s");
        ((string?)found.Json["hold"]!["remaining"]).ShouldBe("100");
        ((string?)extended.Json["expireTime"]).ShouldBe("2030-01-31T00:00:00Z");
        part.ExitCode.ShouldBe(0, part.Error);
        part.Error.ShouldStartWith("id ");
        table.Out.ShouldContain("left on hold");
        table.Out.ShouldContain("70");
        ((string?)voided.Json["amount"]).ShouldBe("70");
        late.ExitCode.ShouldBe(3);
        late.Error.ShouldEndWith("error: rejected: PENDING_TRANSFER_ALREADY_VOIDED" + Environment.NewLine);
        server.Ledger.Get("a").Balance.ShouldBe("30");
    }

    [Fact]
    public async Task Flags_of_a_post_reach_the_ledger()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");

        var post = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "5", "--asset", "USD/2", "--id", Hold,
            "--open-accounts", "--balancing-debit", "--balancing-credit");
        var hold = await server.CliAsync(
            "transfers", "hold", "--debit", "a", "--credit", "b", "--amount", "5", "--id", Other, "--closing-debit",
            "--closing-credit");

        post.ExitCode.ShouldBe(0, post.Error);
        hold.ExitCode.ShouldBe(0, hold.Error);
        var posted = server.Ledger.GetTransfer("a", Hold).Transfer;
        (posted.OpenAccounts, posted.BalancingDebit, posted.BalancingCredit).ShouldBe((true, true, true));
        var held = server.Ledger.GetTransfer("a", Other).Transfer;
        (held.ClosingDebit, held.ClosingCredit).ShouldBe((true, true));
    }

    [Fact]
    public async Task Balancing_transfer_needs_no_amount()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");

        var post = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--id", Hold, "--balancing-debit");

        post.ExitCode.ShouldBe(0, post.Error);
        server.Ledger.GetTransfer("a", Hold).Transfer.Amount.ShouldBeEmpty();
    }

    [Fact]
    public async Task Transfer_is_taken_back_with_a_reason()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await server.CliAsync("transfers", "post", "--debit", "a", "--credit", "b", "--amount", "5", "--id", Hold);

        var reversed = await server.CliAsync(
            "transfers", "reverse", Hold, "--reason", "twice", "--amount", "3", "--id", Other, "--output", "json");
        var missing = await server.CliAsync("transfers", "reverse", Other[..^1] + "9", "--reason", "x");

        reversed.ExitCode.ShouldBe(0, reversed.Error);
        ((string?)reversed.Json["legs"]![0]!["amount"]).ShouldBe("3");
        missing.ExitCode.ShouldBe(3);
        missing.Error.ShouldContain("error: not found:");
        server.Ledger.Get("a").Balance.ShouldBe("2");
    }

    [Fact]
    public async Task Transaction_is_posted_from_a_file_and_found()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await File.WriteAllTextAsync(file, Pretty(Hold, "5", "7"));

        var posted = await server.CliAsync("transactions", "post", file, "--output", "json");
        var again = await server.CliAsync("transactions", "post", file);
        var found = await server.CliAsync("transactions", "get", Hold, "--account", "a", "--output", "json");
        var table = await server.CliAsync("transactions", "get", Hold, "--account", "a");
        var lost = await server.CliAsync("transactions", "get", Hold, "--account", "b");

        posted.ExitCode.ShouldBe(0, posted.Error);
        posted.Error.ShouldBeEmpty("the id was the caller's own");
        ((string?)posted.Json["status"]).ShouldBe("CREATED");
        posted.Json["legs"]!.AsArray().Select(leg => (string?)leg!["amount"]).ShouldBe(["5", "7"]);
        again.ExitCode.ShouldBe(0, again.Error);
        again.Out.ShouldContain("EXISTS");
        found.Json["transaction"]!["legs"]!.AsArray().Count.ShouldBe(2);
        ((string?)found.Json["result"]!["status"]).ShouldBe("CREATED");
        table.Out.ShouldContain("debit");
        lost.ExitCode.ShouldBe(3);
        lost.Error.ShouldStartWith("error: not found:");
        server.Ledger.Get("a").Balance.ShouldBe("12");
    }

    [Fact]
    public async Task Transaction_without_an_id_gets_one_that_is_told()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");

        var result = await server.CliWithInputAsync(Pretty("", "5"), "transactions", "post", "-", "--output", "json");

        result.ExitCode.ShouldBe(0, result.Error);
        result.Error.ShouldBe($"id {(string?)result.Json["id"]}" + Environment.NewLine);
    }

    [Fact]
    public async Task Transactions_one_a_line_are_posted_in_order_and_one_that_is_rejected_does_not_stop_the_next()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        string[] lines =
        [
            Line(Hold, "a", "b"),
            "",
            Line(Other, "a", "nobody"),
            Line(Other[..^1] + "2", "b", "a"),
        ];
        await File.WriteAllLinesAsync(file, lines);

        var result = await server.CliAsync("transactions", "post", file, "--output", "json");
        var table = await server.CliAsync("transactions", "post", file);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldBe("error: rejected: 1 of 3 transactions." + Environment.NewLine);
        result.Json["transactions"]!.AsArray().Select(t => (string?)t!["status"]).ShouldBe(
            ["CREATED", "CREDIT_ACCOUNT_NOT_FOUND", "CREATED"]);
        table.Out.ShouldContain("failed leg");
    }

    [Fact]
    public async Task Unknown_outcome_in_the_middle_ends_it_and_what_was_decided_is_told()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await File.WriteAllLinesAsync(
            file, [Line(Hold, "a", "b"), Line(Other, "a", "b"), Line(Other[..^1] + "2", "a", "b")]);
        server.Ledger.Before = call => call is { Method: "PostTransaction", Number: 2 }
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var result = await server.CliAsync("transactions", "post", file, "--output", "json");

        result.ExitCode.ShouldBe(4);
        result.Json["transactions"]!.AsArray().Count.ShouldBe(1);
        result.Error.ShouldContain("1 more were not sent.");
        server.Ledger.TransactionCount.ShouldBe(1);
    }

    [Theory]
    [InlineData("", 1, "no transaction")]
    [InlineData("{\n  \"id\": oops\n}", 2, "not JSON")]
    [InlineData("\n{\"legs\":[]}", 2, "legs")]
    [InlineData("{\"legs\":[{\"transfer\":{\"amount\":\"1\"}}]}\n{\"leg\":1}", 2, "leg")]
    [InlineData("[]", 1, "is a list; wanted: an object")]
    [InlineData("42", 1, "is 42; wanted: an object")]
    [InlineData(
        "{\"legs\":[{\"transfer\":{\"amount\":\"1\",\"knd\":\"TRANSFER_KIND_HOLD\"}}]}", 1,
        "legs[0].transfer.knd. Is kind meant?")]
    [InlineData(
        "{\"legs\":[{\"transfer\":{\"amount\":\"1\",\"amount\":\"2\"}}]}", 1, "legs[0].transfer.amount is given twice")]
    [InlineData(
        "{\"legs\":[{\"transfer\":{\"keepRest\":true,\"keep_rest\":true}}]}", 1,
        "legs[0].transfer.keep_rest is given twice")]
    [InlineData(
        "{\"legs\":[{\"transfer\":{\"amount\":9007199254740993}}]}", 1, "legs[0].transfer.amount is 9007199254740993")]
    [InlineData("{\"legs\":[{\"transfer\":{\"amount\":1.5}}]}", 1, "legs[0].transfer.amount is 1.5; wanted")]
    [InlineData("{\"legs\":[{\"transfer\":{\"amount\":null}}]}", 1, "legs[0].transfer.amount is null; wanted")]
    [InlineData(
        "{\"legs\":[{\"opening\":{\"spec\":{\"debitsMustNotExceedCredit\":{}}}}]}", 1,
        "Is debitsMustNotExceedCredits meant?")]
    [InlineData(
        "{\"legs\":[{\"transfer\":{\"kind\":\"HOLD\"}}]}", 1,
        "legs[0].transfer.kind is \"HOLD\"; wanted: one of TRANSFER_KIND_HOLD")]
    [InlineData("\ufeff{\"legs\":[]}", 1, "byte order mark")]
    public async Task Bad_file_is_told_with_its_line_and_nothing_is_sent(string text, int line, string says)
    {
        await File.WriteAllTextAsync(file, text);
        await using var server = await FakeServer.InMemoryAsync();

        var result = await server.CliAsync("transactions", "post", file);

        result.ExitCode.ShouldBe(2, result.Error);
        result.Error.ShouldStartWith($"{file}:{line}: ");
        result.Error.ShouldContain(says);
        result.Error.ShouldContain("nothing was sent");
        result.Out.ShouldBeEmpty();
        server.Ledger.CallCount("PostTransaction").ShouldBe(0);
    }

    [Fact]
    public async Task File_that_is_not_UTF8_is_refused_and_none_of_its_characters_is_replaced()
    {
        await using var server = await FakeServer.InMemoryAsync();
        var text = Line(Hold, "a", "b")
            .Replace("\"code\"", "\"reference\":\"caf\u00e9\",\"code\"", StringComparison.Ordinal);
        await File.WriteAllBytesAsync(file, System.Text.Encoding.Latin1.GetBytes($"\n{text}"));
        var latin = await server.CliAsync("transactions", "post", file);
        await File.WriteAllBytesAsync(file, [0xFF, 0xFE, .. System.Text.Encoding.Unicode.GetBytes(text)]);
        var wide = await server.CliAsync("transactions", "post", file);

        latin.ExitCode.ShouldBe(2);
        latin.Error.ShouldStartWith($"{file}:2: this is not UTF-8.");
        wide.ExitCode.ShouldBe(2);
        wide.Error.ShouldStartWith($"{file}:1: the file is in UTF-16");
        server.Ledger.CallCount("PostTransaction").ShouldBe(0);
    }

    [Fact]
    public async Task Amount_in_a_file_may_be_a_number()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        var text = Line(Hold, "a", "b");
        var number = System.Text.RegularExpressions.Regex.Replace(
            text, "\"amount\": ?\"([0-9]+)\"", "\"amount\":9007199254740991");
        number.ShouldNotBe(text);
        await File.WriteAllTextAsync(file, number);

        var posted = await server.CliAsync("transactions", "post", file, "--output", "json");

        posted.ExitCode.ShouldBe(0, posted.Error);
        server.Ledger.Get("a").Balance.ShouldBe("9007199254740991");
    }

    [Fact]
    public async Task Transaction_of_holds_is_posted_or_voided_as_one()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await File.WriteAllTextAsync(
            file,
            Pretty(Hold, "5", "7")
                .Replace("\"code\"", "\"kind\": \"TRANSFER_KIND_HOLD\", \"code\"", StringComparison.Ordinal));
        await server.CliAsync("transactions", "post", file);
        var pending = server.Ledger.Get("a").Balances.DebitsPending;

        var posted = await server.CliAsync(
            "transactions", "post-holds", Hold, "--account", "a", "--id", Other, "--output", "json");
        var voided = await server.CliAsync("transactions", "void-holds", Hold, "--account", "a");

        pending.ShouldBe("12");
        posted.ExitCode.ShouldBe(0, posted.Error);
        ((string?)posted.Json["id"]).ShouldBe(Other);
        server.Ledger.Get("a").Balance.ShouldBe("12");
        voided.ExitCode.ShouldBe(3);
        voided.Error.ShouldEndWith("error: rejected: PENDING_TRANSFER_ALREADY_POSTED (leg 0)" + Environment.NewLine);
    }

    [Fact]
    public async Task Account_is_frozen_closed_and_limited()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a");

        var frozen = await server.CliAsync(
            "accounts", "freeze", "a", "--debits", "--reason", "theft", "--until", "2030-01-31", "--output", "json");
        var table = await server.CliAsync("accounts", "get", "a");
        var again = await server.CliAsync(
            "accounts", "freeze", "a", "--debits", "--reason", "theft", "--until", "2030-01-31", "--output", "json");
        var unfrozen = await server.CliAsync("accounts", "unfreeze", "a", "--output", "json");
        var closed = await server.CliAsync("accounts", "close", "a", "--reason", "moved");
        var reopened = await server.CliAsync("accounts", "reopen", "a", "--output", "json");
        var limited = await server.CliAsync(
            "accounts", "set-limits", "a", "--debits-must-not-exceed-credits", "5", "--output", "json");
        var free = await server.CliAsync("accounts", "set-limits", "a", "--none", "--output", "json");
        var missing = await server.CliAsync("accounts", "close", "nobody");

        frozen.ExitCode.ShouldBe(0, frozen.Error);
        ((string?)frozen.Json["status"]).ShouldBe("CHANGED");
        ((string?)frozen.Json["account"]!["freeze"]!["endTime"]).ShouldBe("2030-01-31T00:00:00Z");
        table.Out.ShouldContain("debits until 2030-01-31T00:00:00Z: theft");
        ((string?)again.Json["status"]).ShouldBe("UNCHANGED");
        again.ExitCode.ShouldBe(0);
        unfrozen.Json["account"]!["freeze"].ShouldBeNull();
        closed.Out.ShouldContain("yes: moved");
        ((bool)reopened.Json["account"]!["closed"]!).ShouldBeFalse();
        ((string?)limited.Json["account"]!["spec"]!["debitsMustNotExceedCredits"]!["allowance"]).ShouldBe("5");
        free.Json["account"]!["spec"]!["debitsMustNotExceedCredits"].ShouldBeNull();
        missing.ExitCode.ShouldBe(3);
        missing.Error.ShouldBe("error: not found: account nobody" + Environment.NewLine);
    }

    [Fact]
    public async Task Account_can_be_opened_closed()
    {
        await using var server = await FakeServer.InMemoryAsync();

        await server.CliAsync("accounts", "open", "a", "--asset", "USD/2", "--code", "1", "--closed");

        server.Ledger.Get("a").Spec.Closed.ShouldBeTrue();
    }

    private static string Pretty(string id, params string[] amounts) =>
        $$"""
        {
          "id": "{{id}}",
          "legs": [
        {{string.Join(",\n", amounts.Select(amount =>
            $$"""    {"transfer": {"debitAccount": "a", "creditAccount": "b", "amount": "{{amount}}", "asset": "USD/2", "code": 1} }"""))}}
          ]
        }
        """;

    private static string Line(string id, string debit, string credit) =>
        $$$"""{"id":"{{{id}}}","legs":[{"transfer":{"debitAccount":"{{{debit}}}","creditAccount":"{{{credit}}}","amount":"1","code":1}}]}""";
}
