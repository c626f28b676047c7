using Ledger.Actors.Accounts;
using Ledger.Chaos.Workload;

namespace Ledger.Chaos.Tests;

public sealed class BooksTests
{
    [Fact]
    public void Accounts_are_where_the_nodes_put_them()
    {
        var books = new Books(accounts: 60, shards: 24);
        var extractor = new AccountExtractor(24);
        foreach (var account in books.Accounts)
        {
            books.ShardOf(account.Address).ToString().ShouldBe(extractor.ShardId(account.Address, null));
        }
    }

    [Fact]
    public void Each_shard_has_two_accounts_to_be_probed()
    {
        var books = new Books(accounts: 60, shards: 24);
        for (var shard = 0; shard < 24; shard++)
        {
            books.ShardOf(books.Probes[shard].One).ShouldBe(shard);
            books.ShardOf(books.Probes[shard].Other).ShouldBe(shard);
        }

        books.Accounts.Select(static account => account.Address).ShouldBeUnique();
    }
}
