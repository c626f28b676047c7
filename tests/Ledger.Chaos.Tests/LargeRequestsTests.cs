using Ledger.Chaos.Workload;
using Ledger.Client;

namespace Ledger.Chaos.Tests;

/// <summary>What clients send stands where the ledger's limits stand.</summary>
public sealed class LargeRequestsTests
{
    private static readonly Client.Transfer Sound = new()
    {
        Id = TransferIds.New(), DebitAccount = "a", CreditAccount = "b", Amount = 1, Asset = "EUR/2", Code = 1,
    };

    [Theory]
    [InlineData(64)]
    [InlineData(LargeRequests.MetadataMax)]
    [InlineData(LargeRequests.MetadataMax + 1)]
    public void Metadata_has_as_many_bytes_as_are_asked_for(int bytes)
    {
        var metadata = LargeRequests.Metadata(bytes);
        metadata.Sum(static pair => pair.Key.Length + pair.Value.Length).ShouldBe(bytes);
        metadata.Count.ShouldBeLessThanOrEqualTo(LedgerLimits.MetadataPairsMax);
        metadata.Values.ShouldAllBe(static value => value.Length <= LedgerLimits.MetadataValueLengthMax);
    }

    [Fact]
    public void None_is_none() => LargeRequests.Metadata(0).ShouldBeEmpty();

    [Fact]
    public void The_limits_are_the_ledgers()
    {
        LargeRequests.MetadataMax.ShouldBe(LedgerSizes.MetadataMax);
        LargeRequests.LegsMax.ShouldBe(LedgerClient.BatchMax);
    }

    [Fact]
    public void What_has_too_many_bytes_has_them_in_texts_alone()
    {
        foreach (var name in LargeRequests.Names.Where(
            static name => LargeRequests.ReasonOf(name) == "TRANSACTION_TOO_LARGE"))
        {
            LargeRequests.Make(name, Sound).Sum(static leg => leg.DebitAccount.Length + leg.CreditAccount.Length
                + leg.Metadata.Sum(static pair => pair.Key.Length + pair.Value.Length)
                + leg.Id.ToString().Length).ShouldBeGreaterThan(LedgerSizes.TransactionMax, name);
        }
    }
}
