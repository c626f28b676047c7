using System.Text.Json.Nodes;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: money that an account with damaged rows keeps in doubt comes free by an operator's word, and by
/// nothing else; the account stays as it is (R20). Method: a real node on both stores, the rows of one account damaged
/// while it is down, and the command line.</summary>
public sealed class VerdictTests : IClassFixture<PostgresCollection.Lifetime>
{
    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task An_operator_has_aborted_what_a_damaged_account_keeps_in_doubt(Database database)
    {
        using var store = new Store(database);
        var spec = new AccountSpec { Address = "payer", Asset = "USD/2", Code = 1 };
        await using (var node = await NodeProcess.StartAsync(store))
        {
            await using var client = node.Connect();
            await client.OpenAccountsAsync(
            [
                spec with { DebitsMustNotExceedCredits = new AccountLimit(0) }, spec with { Address = "bank" },
                spec with { Address = "damaged" },
            ]);
            (await client.PostTransferAsync(New("bank", "payer", 100))).Status.ShouldBe(TransferStatus.Created);
            await node.StopAsync();
        }

        await store.ExecuteAsync(
            "UPDATE journal SET message = substr(message, 1, 20) WHERE persistence_id = 'ledger-account-damaged'");
        var stuck = New("payer", "damaged", 60);
        await using (var node = await NodeProcess.StartAsync(store))
        {
            await using var client = node.Connect();
            (await Should.ThrowAsync<LedgerClientException>(
                () => client.PostTransferAsync(stuck, new RequestOptions { Timeout = TimeSpan.FromSeconds(5) })))
                .OutcomeUnknown.ShouldBeTrue();
            var shown = await LedgerAsync(node, "admin", "in-doubt", "show", "payer");
            shown.Out.ShouldContain(stuck.Id.ToString("D"), customMessage: shown.All);

            var resolved = await LedgerAsync(
                node, "admin", "in-doubt", "resolve", stuck.Id.ToString("D"), "--account", "payer", "--by", "anna",
                "--reason",
                "row 1 is damaged, ticket 7", "--output", "json");
            resolved.ExitCode.ShouldBe(0, resolved.All);
            var answer = JsonNode.Parse(resolved.Out)!;
            ((bool)answer["committed"]!).ShouldBeFalse();
            ((string)answer["decision"]!).ShouldBe("OPERATOR");
            ((string)answer["lastAgent"]!).ShouldBe("damaged");
            ((bool)answer["booked"]!).ShouldBeTrue();

            await CheckAsync(node);
            (await client.PostTransferAsync(New("payer", "bank", 100))).Status.ShouldBe(TransferStatus.Created);
            var again = await LedgerAsync(
                node, "admin", "in-doubt", "resolve", stuck.Id.ToString("D"), "--account", "payer", "--by", "anna",
                "--reason", "again");
            again.ExitCode.ShouldBe(3, again.All);
            await node.StopAsync();
        }

        await using var next = await NodeProcess.StartAsync(store);
        await CheckAsync(next);

        async Task CheckAsync(NodeProcess node)
        {
            await using var client = node.Connect();

            // A firm answer, or this would throw.
            (await client.GetAccountAsync("payer"))!.Balances.DebitsInDoubt.ShouldBe(default);
            (await client.PostTransferAsync(stuck)).Status.ShouldBe(TransferStatus.AbortedByOperator);
            await Should.ThrowAsync<LedgerClientException>(
                () => client.GetAccountAsync("damaged", new RequestOptions { Timeout = TimeSpan.FromSeconds(2) }));
            await Until.TrueAsync(
                () => Task.FromResult(node.Output.Contains("damaged can't be recovered", StringComparison.Ordinal)));
        }
    }

    private static Task<Ended> LedgerAsync(NodeProcess node, params string[] arguments) =>
        Programs.RunAsync(Programs.Cli, Path.GetTempPath(), [.. arguments, "--server", node.Grpc.ToString()]);

    private static Transfer New(string debit, string credit, ulong amount) => new()
    {
        Id = TransferIds.New(),
        DebitAccount = debit, CreditAccount = credit, Amount = amount, Asset = "USD/2", Code = 1,
    };
}
