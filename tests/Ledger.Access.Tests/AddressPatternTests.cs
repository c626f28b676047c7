using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Ledger.Access.Tests;

/// <summary>Which accounts a pattern means.</summary>
public sealed class AddressPatternTests
{
    [Theory]
    [InlineData("**", "a", true)]
    [InlineData("**", "users:42:wallet", true)]
    [InlineData("users:*:wallet", "users:42:wallet", true)]
    [InlineData("users:*:wallet", "users:42:savings", false)]
    [InlineData("users:*:wallet", "users:42:wallet:x", false)]
    [InlineData("users:*:wallet", "users:wallet", false)]
    [InlineData("users:**", "users", false)]
    [InlineData("users:**", "users:42", true)]
    [InlineData("users:**", "users:42:wallet", true)]
    [InlineData("users:**", "usersx:42", false)]
    [InlineData("users:42", "users:42", true)]
    [InlineData("users:42", "users:420", false)]
    [InlineData("users:42", "users:4", false)]
    [InlineData("users:42", "Users:42", false)]
    [InlineData("*", "a", true)]
    [InlineData("*", "a:b", false)]
    public void A_pattern_means_whole_segments(string pattern, string address, bool matches)
    {
        AddressPattern.TryParse(pattern, out var read).ShouldBeTrue();
        read.Matches(AccountAddress.Parse(address)).ShouldBe(matches);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData(":")]
    [InlineData("a:")]
    [InlineData(":a")]
    [InlineData("a::b")]
    [InlineData("**:a")]
    [InlineData("a:**:b")]
    [InlineData("a:***")]
    [InlineData("a*")]
    [InlineData("us?rs")]
    [InlineData("üsers:**")]
    public void What_is_no_pattern_is_refused(string? text) => AddressPattern.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Without_an_address_only_everything_matches()
    {
        AddressPattern.TryParse("**", out var everything).ShouldBeTrue();
        AddressPattern.TryParse("*", out var one).ShouldBeTrue();
        everything.Matches(default).ShouldBeTrue();
        one.Matches(default).ShouldBeFalse();
    }

    // Few letters, so that they meet.
    [Property(MaxTest = 20_000)]
    public Property A_pattern_is_the_regular_expression_that_it_looks_like()
    {
        var segment = Gen.Elements("a", "b", "ab", "b-_1");
        var address = Gen.Choose(1, 5).SelectMany(count => segment.ListOf(count))
            .Select(list => string.Join(':', list));
        var pattern = Gen.Choose(1, 4).SelectMany(count => Gen.OneOf(segment, Gen.Constant("*")).ListOf(count))
            .SelectMany(
                list => Gen.Elements(false, true).Select(open => string.Join(':', open ? [.. list, "**"] : list)));
        return Prop.ForAll(address.ToArbitrary(), pattern.ToArbitrary(), (text, shape) =>
        {
            AddressPattern.TryParse(shape, out var read).ShouldBeTrue();
            var expression = string.Join(':', shape.Split(':').Select(static one => one switch
            {
                "*" => "[^:]+",
                "**" => ".+",
                _ => Regex.Escape(one),
            }));
            read.Matches(AccountAddress.Parse(text)).ShouldBe(Regex.IsMatch(text, $"\\A{expression}\\z"));
        });
    }
}
