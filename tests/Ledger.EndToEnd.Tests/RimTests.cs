using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: ordinary calls with the largest amounts, and legs of transactions that are sent by themselves, are
/// answered for
/// what they are, also by a node that was started again. Method: the client against a real node, on both
/// stores.</summary>
public sealed class RimTests : IClassFixture<PostgresCollection.Lifetime>
{
    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task The_largest_hold_ends_in_a_transaction_that_moves_more(Database database)
    {
        using var store = new Store(database);
        await using var node = await NodeProcess.StartAsync(store);
        await using var client = node.Connect();
        await OpenAsync(client);
        var hold = New("a", "b", UInt128.MaxValue) with { Kind = TransferKind.Hold };
        (await client.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        var transaction = Transaction.Of(
            TransferIds.New(), New("a", "b", 0) with { Kind = TransferKind.VoidHold, HoldId = hold.Id }, New("b",
                "c", 2));

        (await client.PostTransactionAsync(transaction)).Status.ShouldBe(TransferStatus.Created);
        (await client.GetAccountAsync("b"))!.Balances.DebitsPosted.ShouldBe((UInt128)2);
        (await client.GetAccountAsync("a"))!.HoldCount.ShouldBe(0);
        using var http = new HttpClient { BaseAddress = node.Json };
        var health = await http.GetAsync(new Uri("/health", UriKind.Relative));
        health.IsSuccessStatusCode.ShouldBeTrue(await health.Content.ReadAsStringAsync());
        node.Output.ShouldNotContain("OverflowException");
    }

    [Theory]
    [InlineData(Database.Sqlite)]
    [InlineData(Database.PostgreSql)]
    public async Task A_leg_by_itself_is_answered_alike_by_the_next_node(Database database)
    {
        using var store = new Store(database);
        var committed = New("a", "c", 7);
        var failed = New("poor", "b", 5);
        await using (var node = await NodeProcess.StartAsync(store))
        {
            await using var client = node.Connect();
            await OpenAsync(client);
            (await client.PostTransactionAsync(Transaction.Of(TransferIds.New(), New("a", "b", 100), committed)))
                .Status.ShouldBe(TransferStatus.Created);
            (await client.PostTransactionAsync(Transaction.Of(TransferIds.New(), failed)))
                .Status.ShouldBe(TransferStatus.ExceedsCredits);
            (await client.PostTransferAsync(New("a", "poor", 100))).Status.ShouldBe(TransferStatus.Created);
            await CheckAsync(client);
            await node.StopAsync();
        }

        await using var next = await NodeProcess.StartAsync(store);
        await using var other = next.Connect();
        await CheckAsync(other);

        async Task CheckAsync(LedgerClient client)
        {
            var again = await client.PostTransferAsync(committed);
            (again.Status, again.Amount).ShouldBe((TransferStatus.Exists, (UInt128)7));
            (await client.PostTransactionAsync(Transaction.Of(TransferIds.New(), failed)))
                .Status.ShouldBe(TransferStatus.IdAlreadyFailed);
            (await client.PostTransferAsync(failed)).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
        }
    }

    private static async Task OpenAsync(LedgerClient client)
    {
        var spec = new AccountSpec { Address = "a", Asset = "USD/2", Code = 1 };
        await client.OpenAccountsAsync(
        [
            spec, spec with { Address = "b" }, spec with { Address = "c" },
            spec with { Address = "poor", DebitsMustNotExceedCredits = new AccountLimit(0) },
        ]);
    }

    private static Transfer New(string debit, string credit, UInt128 amount) => new()
    {
        Id = TransferIds.New(), DebitAccount = debit, CreditAccount = credit, Amount = amount, Asset = "USD/2",
            Code = 1,
    };
}
