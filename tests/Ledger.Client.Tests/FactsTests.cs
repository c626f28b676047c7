using Ledger.Testing;

namespace Ledger.Client.Tests;

/// <summary>The facts that requests and answers carry, through the typed client.</summary>
public sealed class FactsTests
{
    [Fact]
    public async Task When_a_transfer_counts_goes_out_and_comes_back()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await using var client = server.Connect();
        await Some.OpenAsync(client, "a", "b");
        var time = new DateTimeOffset(2026, 11, 30, 1, 2, 3, TimeSpan.FromHours(2)).AddMicroseconds(4);
        var transfer = Some.Transfer() with { EffectiveTime = time };

        (await client.PostTransferAsync(transfer)).IsCommitted.ShouldBeTrue();
        var record = await client.GetTransferAsync("b", transfer.Id);
        record.ShouldNotBeNull().Transfer.EffectiveTime.ShouldBe(time);
        (await client.PostTransferAsync(Some.Transfer())).IsCommitted.ShouldBeTrue();
        Transaction.ParseJson("""
            {"id":"0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60","legs":[{"transfer":{"debitAccount":"a","creditAccount":"b","amount":"1",
             "code":1,"effectiveTime":"2026-11-29T23:02:03.000004Z"}}]}
            """).Legs[0].Transfer!.EffectiveTime.ShouldBe(time);
    }
}
