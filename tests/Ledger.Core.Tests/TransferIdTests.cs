namespace Ledger.Core.Tests;

/// <summary>Goal: an id may be any 128 bits. Method: the corners of the digits that say what kind of UUID it
/// is.</summary>
public sealed class TransferIdTests
{
    [Theory]
    [InlineData("00000000-0000-7000-8000-000000000000", true)]
    [InlineData("0198c0de-0000-7fff-bfff-ffffffffffff", true)]
    [InlineData("ffffffff-ffff-7fff-bfff-ffffffffffff", false)]
    [InlineData("40000000-0000-7000-8000-000000000000", false)]
    [InlineData("ffffffff-ffff-7fff-ffff-ffffffffffff", false)]
    [InlineData("ffffffff-ffff-ffff-bfff-ffffffffffff", false)]
    [InlineData("ffffffff-ffff-4fff-bfff-ffffffffffff", false)]
    [InlineData("00000000-0000-7000-7000-000000000000", false)]
    [InlineData("00000000-0000-0000-0000-000000000000", false)]
    public void IsTimeOrdered_of_any_bits_is_version_7_its_variant_and_a_time_before_2100(string text, bool expected)
    {
        TransferId.TryParse(text, out var id).ShouldBeTrue();

        id.IsTimeOrdered.ShouldBe(expected);
    }
}
