using System.Text.Json.Nodes;
using Grpc.Core;
using Ledger.Cli.Import;
using Ledger.Testing;
using Ledger.V1;

namespace Ledger.Cli.Tests;

/// <summary>The import as a whole: nothing from a bad file, everything once from a good one, whatever the ledger does.</summary>
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
        first.Json.ToJsonString().ShouldBe(Summary(accounts: (5, 0), transactions: (2, 0), transfers: (3, 0)));
        server.Ledger.TransactionCount.ShouldBe(1, "a transfer that stands alone needs none");
        again.ExitCode.ShouldBe(0);
        again.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (0, 2), transfers: (0, 3)));
        grown.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (1, 2), transfers: (1, 3)));
        (await server.CliAsync("balances", "--output", "csv")).Out.ShouldBe(
            "account,asset,balance\r\ncash,USD/2,19\r\nfood,USD/2,71\r\nidle,USD/2,0\r\njob,USD/2,-100\r\ntip,USD/2,10\r\n");
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
    public async Task Unknown_outcomes_in_the_middle_are_survived()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.After = call => call is { Method: "OpenAccounts", Number: 1 }
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;
        server.Ledger.Stream = async (requests, responses, call) =>
        {
            while (await requests.MoveNext())
            {
                var result = server.Ledger.Post(requests.Current.Transfer);
                if (call.Number < 3)
                {
                    throw Refusals.Of(StatusCode.Unavailable);
                }

                await responses.WriteAsync(new StreamTransfersResponse
                {
                    Sequence = requests.Current.Sequence,
                    Result = result,
                });
            }
        };

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(0, result.Error);
        server.Ledger.TransferCount.ShouldBe(3);
    }

    [Fact]
    public async Task When_patience_ends_the_outcome_is_unknown_and_a_second_run_finishes()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.Stream = (_, _, _) => throw Refusals.Of(StatusCode.Unavailable);
        server.Ledger.Before = call => call.Method == "PostTransaction"
            ? throw Refusals.Of(StatusCode.Internal)
            : Task.CompletedTask;

        var first = await ImportAsync(server, Good, "--retry-for", "200ms");
        server.Ledger.Stream = null;
        server.Ledger.Before = static _ => Task.CompletedTask;
        var second = await ImportAsync(server, Good);

        first.ExitCode.ShouldBe(4);
        first.Error.ShouldContain("running the same import again is safe");
        ((int)first.Json["transactions"]!["unknown"]!).ShouldBe(2);
        ((int)first.Json["transfers"]!["unknown"]!).ShouldBe(3);
        second.ExitCode.ShouldBe(0, second.Error);
        server.Ledger.TransferCount.ShouldBe(3);
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
            "accounts", "open", "tip", "--asset", "USD/2", "--code", "9", "--debits-must-not-exceed-credits");

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldContain($"{file}:5: transaction '2' was rejected: EXCEEDS_CREDITS (transfer ");
        result.Error.ShouldContain("error: rejected: 1 of 2 transactions.");
        ((int)result.Json["transactions"]!["rejected"]!).ShouldBe(1);
        ((int)result.Json["transfers"]!["rejected"]!).ShouldBe(2, "nothing of a transaction that is rejected is recorded");
        ((int)result.Json["transfers"]!["created"]!).ShouldBe(1);
        server.Ledger.TransferCount.ShouldBe(1);
        ((int)result.Json["accounts"]!["existing"]!).ShouldBe(1, "an account of another code will do");
    }

    [Fact]
    public async Task Books_that_were_imported_transfer_by_transfer_are_known()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await PostAloneAsync(server, Good);

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(0, result.Error);
        result.Json.ToJsonString().ShouldBe(Summary(accounts: (0, 5), transactions: (0, 2), transfers: (0, 3)));
        server.Ledger.TransferCount.ShouldBe(3);
    }

    [Fact]
    public async Task A_transaction_of_which_a_part_was_imported_alone_is_told()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await PostAloneAsync(server, Good, count: 2);

        var result = await ImportAsync(server, Good);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldContain(
            "transaction '2' was rejected: EXISTS; 1 of its 2 transfers were imported before, each alone");
        ((int)result.Json["transactions"]!["existing"]!).ShouldBe(1);
        ((int)result.Json["transactions"]!["rejected"]!).ShouldBe(1);
    }

    [Fact]
    public async Task A_transaction_of_more_transfers_than_can_happen_at_once_is_refused_before_anything_is_sent()
    {
        await using var server = await FakeServer.InMemoryAsync();
        var text = new System.Text.StringBuilder("transaction,date,description,account,asset,amount\n");
        text.Append("1,2025-01-31,pay,cash,USD/2,-8191\n");
        for (var i = 0; i < 8191; i++)
        {
            text.Append("1,2025-01-31,pay,a").Append(i).Append(",USD/2,1\n");
        }

        await File.WriteAllTextAsync(file, text.ToString());
        var result = await server.CliAsync("import", file);

        result.ExitCode.ShouldBe(2);
        result.Error.ShouldContain("needs 8191 transfers");
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

    private static string Summary(
        (int Opened, int Existing) accounts, (int Created, int Existing) transactions, (int Created, int Existing) transfers) =>
        new JsonObject
        {
            ["accounts"] = new JsonObject { ["opened"] = accounts.Opened, ["existing"] = accounts.Existing },
            ["transactions"] = Counts(transactions),
            ["transfers"] = Counts(transfers),
        }.ToJsonString();

    private static JsonObject Counts((int Created, int Existing) counts) => new()
    {
        ["created"] = counts.Created, ["existing"] = counts.Existing, ["rejected"] = 0, ["unknown"] = 0,
    };

    /// <summary>What the import did before there were transactions: each transfer alone.</summary>
    private static async Task PostAloneAsync(FakeServer server, string text, int count = int.MaxValue)
    {
        var content = PostingFileReader.Read("books.csv", System.Text.Encoding.UTF8.GetBytes(text), out _).ShouldNotBeNull();
        var plan = ImportPlan.Of(content, "import");
        await using var client = server.Connect();
        await client.OpenAccountsAsync([.. plan.Accounts.Select(a => a.Spec)]);
        var outcomes = await client.PostTransfersAsync([.. plan.Transfers.Take(count).Select(t => t.Transfer)]);
        outcomes.ShouldAllBe(outcome => outcome.IsCommitted);
    }

    private async Task<Result> ImportAsync(FakeServer server, string text, params string[] more)
    {
        await File.WriteAllTextAsync(file, text);
        return await server.CliAsync(["import", file, "--output", "json", .. more]);
    }
}
