using Akka.Cluster;
using Akka.Hosting;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Tests.Shared;

namespace Ledger.Actors.Tests;

/// <summary>Goal: in a cluster the rows of a transfer share a commit where both accounts are on one node, and nothing
/// that has left ahead of its row goes to another (R8', G8). Method: two nodes in one process; the database says which
/// rows were stored together.</summary>
public sealed class SharedCommitClusterTests : IDisposable, IClassFixture<PostgresCollection.Lifetime>
{
    private const int OfEach = 3;

    private static readonly Asset s_money = Asset.Parse("USD/2");

    private readonly PostgresTestStorage storage = new(clustered: true) { SharesCommits = true };

    public void Dispose() => storage.Dispose();

    [Fact]
    public async Task Rows_share_a_commit_within_a_node_and_nothing_leaves_it_ahead_of_its_row()
    {
        await using var first = await StartAsync(null);
        await using var second = await StartAsync(first);
        await Until.TrueAsync(
            () => Cluster.Get(first.System).State.Members.Count(static one => one.Status == MemberStatus.Up) == 2);
        // Until both nodes have accounts: the second is given some as soon as its region is known.
        List<AccountAddress> onFirst = [], onSecond = [];
        await Until.TrueAsync(async () =>
        {
            var account = AccountAddress.Parse($"acc:{onFirst.Count + onSecond.Count}");
            (await first.Ledger.OpenAccountsAsync([new AccountSpec(account, s_money, 1)]))[0].Status
                .ShouldBe(AccountStatus.Created);
            (HomeOf(account) == first ? onFirst : onSecond).Add(account);
            return onFirst.Count >= 2 * OfEach && onSecond.Count >= 2 * OfEach;
        });

        // None is both, so that the newest row of each is that of the transfer.
        AccountAddress[] debits = [.. onFirst[..OfEach], .. onSecond[..OfEach]];
        AccountAddress[] credits = [.. onFirst[OfEach..(2 * OfEach)], .. onSecond[OfEach..(2 * OfEach)]];
        var (together, apart) = (0, 0);
        foreach (var debit in debits)
        {
            foreach (var credit in credits)
            {
                (await first.Ledger.PostTransferAsync(Pay(debit, credit))).Status.ShouldBe(TransferStatus.Created);
                var isTogether = HomeOf(debit) == HomeOf(credit);
                _ = isTogether ? together++ : apart++;
                (NewestOf(debit) == NewestOf(credit)).ShouldBe(isTogether, $"{debit} and {credit}");
            }
        }

        (together, apart).ShouldBe((2 * OfEach * OfEach, 2 * OfEach * OfEach));
        foreach (var host in new[] { first, second })
        {
            ((LedgerSerializer)host.System.Serialization.FindSerializerForType(typeof(AheadRequest))).RefusedMessages
                .ShouldBe(0);
        }

        LedgerHost HomeOf(AccountAddress account) => AwakeOn(first, account) ? first : AwakeOn(second, account) ? second
            : throw new InvalidOperationException($"{account} sleeps.");
    }

    private static bool AwakeOn(LedgerHost host, AccountAddress account) =>
        LedgerExtension.Of(host.System).Context.Awake!.Find(account) is not null;

    private static Transfer Pay(AccountAddress from, AccountAddress to) =>
        new(TransferId.FromGuid(Guid.CreateVersion7()), from, to, Amount.Of(1), 1) { Asset = s_money };

    // The transaction of the database that has stored the newest row of an account.
    private long NewestOf(AccountAddress account) => storage.Count(
        $"SELECT xmin::text::bigint FROM journal WHERE persistence_id = '{AccountActor.PersistenceIdOf(account)}'"
        + " ORDER BY sequence_number DESC LIMIT 1");

    private Task<LedgerHost> StartAsync(LedgerHost? seed) => LedgerHost.StartAsync(
        storage,
        static options =>
        {
            options.CommitRecordDelay = TimeSpan.FromSeconds(10);
            options.LeaseTime = TimeSpan.FromSeconds(30);
        },
        static akka => akka.AddHocon(
            $"{StorageHocon.JournalPlugin} {{ writers = 1, followers-wait-max = 1m, circuit-breaker.call-timeout = 1m "
                + "}}\nakka.cluster.sharding.rebalance-interval = 1h",
            HoconAddMode.Prepend),
        seed);
}
