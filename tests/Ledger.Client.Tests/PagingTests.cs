using Ledger.Testing;

namespace Ledger.Client.Tests;

/// <summary>Lists go on to their last page, whatever the pages hold, and fetch no page that nobody asked for.</summary>
public sealed class PagingTests
{
    [Fact]
    public async Task Accounts_of_all_pages_are_listed_once()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b", "c", "d", "e");
        server.Ledger.PageMax = 2;

        var addresses = await client.ListAccountsAsync().Select(account => account.Spec.Address).ToListAsync();

        addresses.Order().ShouldBe(["a", "b", "c", "d", "e"]);
        server.Ledger.CallCount("ListAccounts").ShouldBe(3);
    }

    [Fact]
    public async Task Statement_is_listed_in_both_directions_and_within_its_bounds()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        for (var amount = 1; amount <= 7; amount++)
        {
            await client.PostTransferAsync(Some.Transfer(amount));
        }

        server.Ledger.PageMax = 3;
        var times = await client.ListStatementAsync("a").Select(e => e.BookTime).ToListAsync();

        (await Sequences(client, new StatementQuery())).ShouldBe([1, 2, 3, 4, 5, 6, 7]);
        (await Sequences(client, new StatementQuery { NewestFirst = true })).ShouldBe([7, 6, 5, 4, 3, 2, 1]);
        (await Sequences(client, new StatementQuery { MinSequence = 3, MaxSequence = 5 })).ShouldBe([3, 4, 5]);
        (await Sequences(client, new StatementQuery { StartTime = times[1], EndTime = times[3] })).ShouldBe([2, 3]);
        (await client.ListStatementAsync("a").LastAsync()).Balance.ShouldBe(28);
    }

    [Fact]
    public async Task Pages_that_nobody_reads_are_not_fetched()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b", "c", "d", "e");

        await foreach (var _ in client.ListAccountsAsync(pageSize: 2))
        {
            break;
        }

        server.Ledger.CallCount("ListAccounts").ShouldBe(1);
    }

    private static async Task<List<int>> Sequences(LedgerClient client, StatementQuery query) =>
        await client.ListStatementAsync("a", query).Select(entry => (int)entry.Sequence).ToListAsync();
}
