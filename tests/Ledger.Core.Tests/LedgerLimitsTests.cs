namespace Ledger.Core.Tests;

/// <summary>Goal: what a caller may send is counted as it is stored, in bytes of UTF-8. Method: metadata just within
/// its limit and just beyond it, in characters of one to four bytes.</summary>
public sealed class LedgerLimitsTests
{
    [Theory]
    [InlineData("x", 1)]
    [InlineData("\u00E9", 2)]
    [InlineData("\u20AC", 3)]
    [InlineData("\U0001F600", 4)]
    public void Check_of_metadata_counts_keys_and_values_in_UTF8(string character, int bytes)
    {
        var within = MetadataOf(character, bytes, LedgerSizes.MetadataMax);
        var beyond = MetadataOf(character, bytes, LedgerSizes.MetadataMax + 1);

        LedgerLimits.Check(within).ShouldBeNull();
        LedgerLimits.Check(beyond).ShouldBe(
            "has 4097 bytes in UTF-8, keys and values together; at most 4096 are allowed");
    }

    // Sixteen pairs at most, none of them at its longest but where the character is the shortest.
    private static Metadata MetadataOf(string character, int bytes, int total)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        for (var left = total; left > 0;)
        {
            var key = $"{(char)('a' + pairs.Count)}".PadRight(Math.Min(64, left), 'k');
            left -= key.Length;
            var count = Math.Min(left / bytes, 256 / character.Length);
            var value = string.Concat(Enumerable.Repeat(character, count));
            left -= count * bytes;
            pairs.Add(new(key, value));
        }

        return Metadata.Of(pairs);
    }
}
