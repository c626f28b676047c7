using System.Numerics;
using Ledger.Testing;

namespace Ledger.Client.Tests;

/// <summary>What goes in comes out again, through the wire, digit for digit.</summary>
public sealed class RoundTripTests
{
    [Fact]
    public async Task Account_comes_back_as_it_was_opened()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        var spec = new AccountSpec
        {
            Address = "users:42:wallet",
            Asset = "USD/2",
            Code = 7,
            Reference = "Zoë",
            Metadata = new Dictionary<string, string> { ["k"] = "v" },
            DebitsMustNotExceedCredits = new AccountLimit(UInt128.MaxValue),
        };

        var opened = await client.OpenAccountsAsync([spec]);
        var again = await client.OpenAccountsAsync([spec]);
        var account = await client.GetAccountAsync("users:42:wallet");

        opened.Single().Status.ShouldBe(AccountStatus.Created);
        again.Single().Status.ShouldBe(AccountStatus.Exists);
        again.Single().IsOpen.ShouldBeTrue();
        account.ShouldNotBeNull();
        account.Spec.Metadata.ShouldBe(spec.Metadata);
        (account.Spec with { Metadata = spec.Metadata }).ShouldBe(spec);
        account.CreateTime.ShouldBe(opened.Single().CreateTime!.Value);
        account.AvailableDebits.ShouldBe((BigInteger)UInt128.MaxValue);
        account.AvailableCredits.ShouldBeNull();
    }

    [Fact]
    public async Task Transfer_comes_back_as_it_was_posted()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var transfer = Some.Transfer() with
        {
            Amount = UInt128.MaxValue,
            Asset = "USD/2",
            Code = uint.MaxValue,
            Reference = "r",
            Metadata = new Dictionary<string, string> { ["k"] = "v" },
        };

        var outcome = await client.PostTransferAsync(transfer);
        var record = await client.GetTransferAsync("b", transfer.Id);
        var entry = await client.ListStatementAsync("b").SingleAsync();
        entry.Asset.ShouldBe("USD/2");
        var account = await client.GetAccountAsync("b");

        outcome.IsCommitted.ShouldBeTrue();
        outcome.Id.ShouldBe(transfer.Id);
        record.ShouldNotBeNull();
        (record.Transfer with { Metadata = transfer.Metadata }).ShouldBe(transfer);
        record.Transfer.Metadata.ShouldBe(transfer.Metadata);
        entry.Direction.ShouldBe(EntryDirection.Credit);
        entry.CreditsPosted.ShouldBe(UInt128.MaxValue);
        account!.Balance.ShouldBe(-(BigInteger)UInt128.MaxValue);
    }

    [Fact]
    public async Task Rejection_is_a_result_with_the_balances_seen()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await client.OpenAccountsAsync(
            [Some.Account("a") with { DebitsMustNotExceedCredits = new AccountLimit(10) }, Some.Account("b")]);

        var outcome = await client.PostTransferAsync(Some.Transfer(11));

        outcome.IsRejected.ShouldBeTrue();
        outcome.Status.ShouldBe(TransferStatus.ExceedsCredits);
        outcome.CreateTime.ShouldBeNull();
        outcome.BalanceSeen.ShouldBe(default(Balances));
    }

    [Fact]
    public async Task What_does_not_exist_is_null()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();

        (await client.GetAccountAsync("nobody")).ShouldBeNull();
        (await client.GetTransferAsync("nobody", TransferIds.New())).ShouldBeNull();
    }

    [Fact]
    public async Task Batch_results_come_in_the_order_of_the_request_even_at_its_largest()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var batch = Enumerable.Range(1, LedgerClient.BatchMax).Select(i => Some.Transfer(i)).ToArray();

        var outcomes = await client.PostTransfersAsync(batch);

        outcomes.Select(o => o.Id).ShouldBe(batch.Select(t => t.Id));
        outcomes.ShouldAllBe(o => o.Status == TransferStatus.Created);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(LedgerClient.BatchMax + 1)]
    public async Task Batch_of_a_size_out_of_range_is_never_sent(int size)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        var batch = Enumerable.Range(0, size).Select(_ => Some.Transfer()).ToArray();

        await Should.ThrowAsync<ArgumentOutOfRangeException>(() => client.PostTransfersAsync(batch));

        server.Ledger.CallCount("PostTransfers").ShouldBe(0);
    }

    [Fact]
    public void Statuses_mirror_the_wire()
    {
        Pairs<TransferStatus>().ShouldBe(Pairs<V1.TransferStatus>());
        Pairs<AccountStatus>().ShouldBe(Pairs<V1.AccountStatus>());
        Pairs<EntryDirection>().ShouldBe(Pairs<V1.Direction>());
        Pairs<HoldState>().ShouldBe(Pairs<V1.HoldState>());
        Pairs<TransferKind>().ShouldBe(
            Pairs<V1.TransferKind>().Select(pair => pair == "Unspecified = 0" ? "Direct = 0" : pair).Order());
    }

    [Fact]
    public void New_ids_are_time_ordered_and_differ()
    {
        var ids = Enumerable.Range(0, 1000).Select(_ => TransferIds.New()).ToList();

        ids.Distinct().Count().ShouldBe(1000);
        ids.ShouldAllBe(id => id.Version == 7);
    }

    private static IEnumerable<string> Pairs<TEnum>()
        where TEnum : struct, Enum => Enum.GetValues<TEnum>().Select(value => $"{value} = {value:D}").Order();
}
