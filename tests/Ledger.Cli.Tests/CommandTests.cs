using Grpc.Core;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>Each verb against a ledger: its exit code, its document, and what it says beside it.</summary>
public sealed class CommandTests
{
    private const string Id = "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60";

    [Fact]
    public async Task Account_is_opened_once_and_read()
    {
        await using var server = await FakeServer.InMemoryAsync();
        string[] open =
        [
            "accounts", "open", "users:42", "--asset", "USD/2", "--code", "7", "--reference", "r",
            "--metadata", "a=1", "b=x=y", "--debits-must-not-exceed-credits", "500", "--output", "json",
        ];

        var opened = await server.CliAsync(open);
        var again = await server.CliAsync(open);
        var other = await server.CliAsync(
            "accounts", "open", "users:42", "--asset", "EUR/2", "--code", "7", "--output", "json");
        var account = await server.CliAsync("accounts", "get", "users:42", "--output", "json");

        opened.ExitCode.ShouldBe(0, opened.Error);
        ((string?)opened.Json["status"]).ShouldBe("CREATED");
        again.ExitCode.ShouldBe(0);
        ((string?)again.Json["status"]).ShouldBe("EXISTS");
        other.ExitCode.ShouldBe(3);
        other.Error.ShouldBe("error: rejected: EXISTS_WITH_DIFFERENT_LEDGER" + Environment.NewLine);
        account.ExitCode.ShouldBe(0);
        ((string?)account.Json["spec"]!["metadata"]!["b"]).ShouldBe("x=y");
        ((string?)account.Json["spec"]!["debitsMustNotExceedCredits"]!["allowance"]).ShouldBe("500");
        ((string?)account.Json["balances"]!["debitsPosted"]).ShouldBe("0");
        ((string?)account.Json["balance"]).ShouldBe("0");
    }

    [Fact]
    public async Task Limit_without_allowance_is_a_limit_of_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync();

        (await server.CliAsync(
            "accounts", "open", "a", "--asset", "USD/2", "--code", "1", "--debits-must-not-exceed-credits"))
            .ExitCode.ShouldBe(0);
        (await server.CliAsync(
            "accounts", "open", "b", "--asset", "USD/2", "--code", "1", "--credits-must-not-exceed-debits"))
            .ExitCode.ShouldBe(0);

        server.Ledger.Get("a").Spec.DebitsMustNotExceedCredits.Allowance.ShouldBe("0");
        server.Ledger.Get("a").Spec.CreditsMustNotExceedDebits.ShouldBeNull();
        server.Ledger.Get("b").Spec.CreditsMustNotExceedDebits.Allowance.ShouldBe("0");
    }

    [Fact]
    public async Task Transfer_is_posted_once_and_found()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        string[] post = [
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "150", "--id", Id, "--output", "json"];

        var posted = await server.CliAsync(post);
        var again = await server.CliAsync(post);
        var found = await server.CliAsync("transfers", "get", Id, "--account", "b", "--output", "json");
        var lost = await server.CliAsync("transfers", "get", Id, "--account", "c");

        posted.ExitCode.ShouldBe(0, posted.Error);
        posted.Error.ShouldBeEmpty("the id was the caller's own");
        ((string?)posted.Json["id"]).ShouldBe(Id);
        ((string?)posted.Json["status"]).ShouldBe("CREATED");
        ((bool)posted.Json["replayed"]!).ShouldBeFalse();
        again.ExitCode.ShouldBe(0);
        ((string?)again.Json["status"]).ShouldBe("EXISTS");
        ((bool)again.Json["replayed"]!).ShouldBeTrue();
        ((string?)found.Json["transfer"]!["amount"]).ShouldBe("150");
        ((int)found.Json["transfer"]!["code"]!).ShouldBe(1);
        lost.ExitCode.ShouldBe(3);
        lost.Error.ShouldStartWith("error: not found:");
    }

    [Fact]
    public async Task New_id_is_told_before_it_is_sent()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        var error = new StringWriter();
        var told = "";
        server.Ledger.Before = _ =>
        {
            told = error.ToString();
            return Task.CompletedTask;
        };

        var result = await Run.CliAsync(
            new StringWriter(), error, server,
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--output", "json");

        result.ExitCode.ShouldBe(0);
        told.ShouldBe($"id {(string?)result.Json["id"]}" + Environment.NewLine);
    }

    [Fact]
    public async Task Rejection_is_3_and_named_once_on_stderr()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await server.CliAsync(
            "accounts", "open", "a", "--asset", "USD/2", "--code", "1", "--debits-must-not-exceed-credits");
        await Run.OpenAsync(server, "b");

        var result = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--id", Id, "--output", "json");

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldBe("error: rejected: EXCEEDS_CREDITS" + Environment.NewLine);
        ((string?)result.Json["status"]).ShouldBe("EXCEEDS_CREDITS");
        ((string?)result.Json["balanceSeen"]!["creditsPosted"]).ShouldBe("0");
    }

    [Theory]
    [InlineData(StatusCode.Internal, 4)]
    [InlineData(StatusCode.Unavailable, 4)]
    [InlineData(StatusCode.InvalidArgument, 3)]
    [InlineData(StatusCode.PermissionDenied, 3)]
    [InlineData(StatusCode.ResourceExhausted, 5)]
    public async Task Failed_write_ends_with_what_is_known(StatusCode status, int exitCode)
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.Before = _ => throw Refusals.Of(status, "line one\n   at line two");

        var result = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--id", Id);

        result.ExitCode.ShouldBe(exitCode);
        result.Out.ShouldBeEmpty();
        result.Error.Count(c => c == '\n').ShouldBe(1, result.Error);
    }

    [Fact]
    public async Task Unknown_outcome_is_resent_when_asked_for()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        server.Ledger.After = call => call is { Method: "PostTransfer", Number: 1 }
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var result = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--id", Id, "--retry-for", "30s");

        result.ExitCode.ShouldBe(0, result.Error);
        server.Ledger.TransferCount.ShouldBe(1);
    }

    [Fact]
    public async Task Nobody_there_is_5()
    {
        var server = await FakeServer.OnPortAsync();
        var address = server.Address;
        await server.DisposeAsync();
        var (output, error) = (new StringWriter(), new StringWriter());

        var read = await LedgerCli.RunAsync(["accounts", "get", "a", "--server", address.ToString()], output, error);
        var write = await LedgerCli.RunAsync(
            ["transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--server", address.ToString()],
            output,
            error);

        read.ShouldBe(5);
        write.ShouldBe(5);
        output.ToString().ShouldBeEmpty();
        error.ToString().ShouldContain("no node can be reached at");
    }

    [Fact]
    public async Task Statement_is_limited_and_written_in_each_form()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        for (var i = 1; i <= 3; i++)
        {
            await server.CliAsync(
                "transfers", "post", "--debit", "a", "--credit", "b", "--amount", $"{i}", "--reference",
                $"say \"{i}\", twice");
        }

        var json = await server.CliAsync(
            "accounts", "statement", "a", "--newest-first", "--limit", "2", "--output", "json");
        var csv = await server.CliAsync("accounts", "statement", "b", "--from-sequence", "3", "--output", "csv");
        var table = await server.CliAsync("accounts", "statement", "a", "--all");
        var none = await server.CliAsync("accounts", "statement", "nobody", "--output", "csv");

        json.Json["entries"]!.AsArray().Select(e => (int)e!["sequence"]!).ShouldBe([3, 2]);
        csv.Out.Split('\n').Length.ShouldBe(3);
        csv.Out.ShouldStartWith(
            "sequence,book_time,direction,amount,balance,counterparty,transfer,code,reference,asset\r\n3,");
        csv.Out.ShouldContain(",credit,3,-6,a,");
        csv.Out.ShouldEndWith(",1,\"say \"\"3\"\", twice\",USD/2\r\n");
        json.Json["entries"]!.AsArray().Select(e => (string?)e!["asset"]).ShouldBe(["USD/2", "USD/2"]);
        json.Json["entries"]![0]!["transfer"]!["asset"].ShouldBeNull("nobody named it");
        table.Out.ShouldContain("USD/2");
        table.Out.ShouldContain("counterparty");
        none.ExitCode.ShouldBe(3);
        none.Out.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_rejection_that_is_told_again_says_that_it_is_final()
    {
        const string id = "01a22664-7c67-718a-8c1e-7ff5cd141ec0";
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a");
        string[] post = ["transfers", "post", "--debit", "a", "--credit", "shop", "--amount", "5", "--id", id];

        var first = await server.CliAsync(post);
        await Run.OpenAsync(server, "shop");
        var again = await server.CliAsync(post);

        first.ExitCode.ShouldBe(3);
        first.Error.ShouldNotContain("hint");
        again.ExitCode.ShouldBe(3);
        again.Error.ShouldContain("error: rejected: CREDIT_ACCOUNT_NOT_FOUND");
        again.Error.ShouldContain("hint: an earlier request with this id was rejected, which is final");
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(120)]
    [InlineData(140)]
    [InlineData(200)]
    public async Task No_amount_or_id_is_broken_or_cut_however_narrow_the_terminal(int width)
    {
        const string id = "01a22664-7c67-718a-8c1e-7ff5cd141ec0";
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "bank:equity", "users:42:wallet");
        await server.CliAsync(
            "transfers", "post", "--debit", "bank:equity", "--credit", "users:42:wallet", "--amount",
            "340282366920938463463374607431768211455", "--id", id);

        foreach (var line in new[]
        {
            "accounts statement bank:equity", $"transfers get {id}", "balances", "accounts get users:42:wallet",
        })
        {
            var shown = await server.CliInTerminalAsync(width, line.Split(' '));
            shown.ExitCode.ShouldBe(0, shown.Error);
            shown.Out.ShouldNotContain("…", customMessage: line);
            shown.Out.ShouldContain(
                "340282366920938463463374607431768211455", customMessage: $"{line} at {width}:\n{shown.Out}");
            shown.Out.ShouldContain("users:42:wallet", customMessage: line);
            shown.Out.Contains(id, StringComparison.Ordinal)
                .ShouldBe(!line.Contains("balances", StringComparison.Ordinal)
                && !line.StartsWith("accounts get", StringComparison.Ordinal), $"{line} at {width}:\n{shown.Out}");
            if (shown.Out.Contains('│', StringComparison.Ordinal))
            {
                shown.Out.Split('\n').ShouldAllBe(text => text.TrimEnd().Length <= width, $"{line} at {width}");
            }
        }
    }

    [Fact]
    public async Task A_statement_has_a_line_for_each_entry_where_there_is_room_and_a_record_where_there_is_none()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await server.CliAsync("transfers", "post", "--debit", "a", "--credit", "b", "--amount", "12500");

        var wide = await server.CliInTerminalAsync(140, "accounts", "statement", "b");
        var narrow = await server.CliInTerminalAsync(80, "accounts", "statement", "b");

        wide.Out.ShouldContain("│  12500 │  -12500 │");
        narrow.Out.ShouldNotContain("│");
        narrow.Out.ShouldContain("amount        12500\n");
        narrow.Out.ShouldContain("counterparty  a\n");
        narrow.Out.ShouldNotContain("reference");
    }

    [Fact]
    public async Task A_result_that_can_not_be_written_is_no_success_and_a_change_may_have_been_made()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        string[] post = [
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "5", "--id",
            "01a22664-7c67-718a-8c1e-7ff5cd141ec0"];
        foreach (var (line, code)
            in new[] { (post, 4), (["balances"], 1), (["balances", "--output", "csv"], 1),
                (["accounts", "get", "a", "--output", "json"], 1) })
        {
            var error = new StringWriter();
            var result = await Run.CliAsync(new FullDisk(), error, server, line);
            result.ExitCode.ShouldBe(code, string.Join(' ', line));
            error.ToString().ShouldContain("error: the result can't be written: No space left on device.");
            error.ToString().Contains("The outcome is unknown", StringComparison.Ordinal).ShouldBe(code == 4);
        }

        (await server.CliAsync(post)).Out.ShouldContain("EXISTS");
    }

    private sealed class FullDisk : StringWriter
    {
        public override void Write(char value) => throw new IOException("No space left on device");

        public override void Write(string? value) => throw new IOException("No space left on device");

        public override void Write(char[] buffer, int index, int count) =>
            throw new IOException("No space left on device");

        public override void WriteLine(string? value) => throw new IOException("No space left on device");
    }

    [Fact]
    public async Task Balances_are_sorted_ordinally_with_the_line_ends_of_rfc_4180()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "b", "_a", "B", "a:1", "a");
        await server.CliAsync("transfers", "post", "--debit", "b", "--credit", "a", "--amount", "5");

        var csv = await server.CliAsync("balances", "--output", "csv");
        var json = await server.CliAsync("balances", "--output", "json");
        var table = await server.CliAsync("balances");

        csv.Out.ShouldBe(
            "account,asset,balance\r\nB,USD/2,0\r\n_a,USD/2,0\r\na,USD/2,-5\r\na:1,USD/2,0\r\nb,USD/2,5\r\n");
        ((string?)json.Json["balances"]![4]!["balance"]).ShouldBe("5");
        table.Out.ShouldNotContain("\u001b", customMessage: "no colour where no terminal is");
    }
}
