using System.Text.Json;

namespace Ledger.Core.Tests;

/// <summary>Goal: what an application returns as JSON of the ledger's own types can be read by JavaScript without loss,
/// and read back. Method: the types with System.Text.Json as it is set up for the web.</summary>
public sealed class JsonTests
{
    private static readonly JsonSerializerOptions s_web = new(JsonSerializerDefaults.Web);

    [Fact]
    public void An_account_is_texts_where_a_number_would_not_hold_it()
    {
        var spec = new AccountSpec(AccountAddress.Parse("users:42:wallet"), Asset.Parse("USD/2"), 7);
        var view = new Account(
            spec, new LedgerTime(1_764_400_000_123_456),
            new Balances(default, Amount.Of(5), default, Amount.MaxValue, default, default), 2, 3, IsClosed: false);
        var json = JsonSerializer.Serialize(view, s_web);
        json.ShouldContain("\"address\":\"users:42:wallet\"");
        json.ShouldContain("\"asset\":\"USD/2\"");
        json.ShouldContain("\"createTime\":\"2025-11-29T07:06:40.123456Z\"");
        json.ShouldContain("\"debitsPosted\":\"5\"");
        json.ShouldContain("\"creditsPosted\":\"340282366920938463463374607431768211455\"");
        json.ShouldContain("\"balance\":\"-340282366920938463463374607431768211450\"");
        JsonSerializer.Deserialize<Account>(json, s_web)!.Balances.ShouldBe(view.Balances);
    }

    [Fact]
    public void A_transfer_is_what_it_was()
    {
        var transfer = new Transfer(
            new TransferId(UInt128.MaxValue >> 1), AccountAddress.Parse("a"), AccountAddress.Parse("b"),
            Amount.MaxValue, 1)
        {
            Kind = TransferKind.Hold,
            BalancingDebit = true,
            Metadata = Metadata.Of([KeyValuePair.Create("order", "7"), KeyValuePair.Create("by", "ada")]),
        };
        var json = JsonSerializer.Serialize(transfer, s_web);
        json.ShouldContain("\"id\":\"7fffffff-ffff-ffff-ffff-ffffffffffff\"");
        json.ShouldContain("\"metadata\":{\"by\":\"ada\",\"order\":\"7\"}");
        json.ShouldContain("\"kind\":\"Hold\",\"balancingDebit\":true,\"balancingCredit\":false");
        json.ShouldNotContain("flags");
        JsonSerializer.Deserialize<Transfer>(json, s_web).ShouldBe(transfer);
    }

    [Fact]
    public void None_and_the_end_of_time_come_back()
    {
        Again(default(AccountAddress)).ShouldBe(default);
        Again(default(Asset)).ShouldBe(default);
        Again(default(TransferId)).ShouldBe(default);
        Again(default(LedgerTime)).ShouldBe(default);
        Again(LedgerTime.MaxValue).ShouldBe(LedgerTime.MaxValue);
        Again(new LedgerTime(-1)).ShouldBe(new LedgerTime(-1));
        Again(new Dictionary<AccountAddress, Amount> { [AccountAddress.Parse("a")] = Amount.Of(1) })[
            AccountAddress.Parse("a")]
            .ShouldBe(Amount.Of(1));
    }

    [Theory]
    [InlineData("12500")]
    [InlineData("\"-1\"")]
    [InlineData("\"1.0\"")]
    [InlineData("\"340282366920938463463374607431768211456\"")]
    public void What_is_no_amount_is_refused(string json) =>
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<Amount>(json, s_web));

    [Theory]
    [InlineData("\"2026-01-01\"")]
    [InlineData("\"2026-01-01T00:00:00\"")]
    [InlineData("1")]
    public void A_time_without_an_offset_is_refused(string json) =>
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<LedgerTime>(json, s_web));

    private static T Again<T>(T value) => JsonSerializer.Deserialize<T>(JsonSerializer.Serialize(value, s_web), s_web)!;

    // What is misspelt, or of another version, is not to be taken for a transfer that moves the money at once.
    [Theory]
    [InlineData("\"flags\":\"Pending\"")]
    [InlineData("\"balancingdebits\":true")]
    public void What_a_transfer_does_not_have_is_refused(string member)
    {
        var json = JsonSerializer.Serialize(
            new Transfer(
                TransferId.FromGuid(Guid.CreateVersion7()), AccountAddress.Parse("a"), AccountAddress.Parse("b"),
                Amount.Of(1), 1),
            s_web);
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<Transfer>(json[..^1] + "," + member + "}", s_web))
            .Message.ShouldContain(member[1..member.IndexOf('"', 1)]);
        var account = JsonSerializer.Serialize(
            new AccountSpec(AccountAddress.Parse("a"), Asset.Parse("USD/2"), 1), s_web);
        JsonSerializer.Deserialize<AccountSpec>(account, s_web)!.Address.ShouldBe(AccountAddress.Parse("a"));
        Should.Throw<JsonException>(
            () => JsonSerializer.Deserialize<AccountSpec>(account[..^1] + "," + member + "}", s_web));
    }
}
