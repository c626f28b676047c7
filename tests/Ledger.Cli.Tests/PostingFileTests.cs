using System.Text;
using Ledger.Cli.Import;

namespace Ledger.Cli.Tests;

/// <summary>Every mistake in a posting file is found, with its line.</summary>
public sealed class PostingFileTests
{
    private const string Header = "transaction,date,description,account,asset,amount\n";

    [Theory]
    [InlineData("", 1, "empty")]
    [InlineData("date,transaction\n", 1, "header")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1\n1,2025-01-31,x,b,USD/2,-2\n", 2, "add up to -1")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1\n1,2025-01-31,x,b,EUR/2,-1\n", 2, "USD/2 postings add up to 1")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2\n", 2, "6 fields are needed, here are 5")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0,\n", 2, "6 fields are needed, here are 7")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n\n1,2025-01-31,x,b,USD/2,0\n", 3, "the line is empty")]
    [InlineData(Header + "1,2025-02-30,x,a,USD/2,0\n", 2, "2025-02-30")]
    [InlineData(Header + "1,2025-01-31,x,a b,USD/2,0\n", 2, "'a b'")]
    [InlineData(Header + "1,2025-01-31,x,a,usd,0\n", 2, "'usd'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,1.00\n", 2, "'1.00'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,+1\n", 2, "'+1'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,-0\n", 2, "'-0'")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2, 1\n", 2, "' 1'")]
    [InlineData(Header + ",2025-01-31,x,a,USD/2,0\n", 2, "transaction must have")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,x,b,USD/2,0\n1,2025-01-31,x,a,USD/2,0\n", 4, "follow each other")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n1,2025-02-01,x,b,USD/2,0\n", 3, "another date or description")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,x,a,EUR/2,0\n", 3, "holds USD/2 on line 2")]
    [InlineData(Header + "1,2025-01-31,\"x\"y,a,USD/2,0\n", 2, "closing quote")]
    [InlineData(Header + "1,2025-01-31,x\"y,a,USD/2,0\n", 2, "a quote stands inside")]
    [InlineData(Header + "1,2025-01-31,x,a,USD/2,0\n2,2025-01-31,\"x,b,USD/2,0\n", 3, "never closed")]
    [InlineData(Header + "1,2025-01-31,\"two\nlines\",a,USD/2,0\n1,2025-01-31,\"two\nlines\",b,USD/2,x\n", 4, "'x'")]
    public void A_mistake_is_found_on_its_line(string text, int line, string says)
    {
        var file = PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        file.ShouldBeNull();
        errors.Select(e => e.ToString()).ShouldContain(
            e => e.StartsWith($"f.csv:{line}: ", StringComparison.Ordinal) && e.Contains(says), string.Join('\n', errors));
    }

    [Fact]
    public void All_mistakes_are_found_at_once()
    {
        var text = Header + "1,2025-01-31,x,a b,usd,y\n1,2025-01-31,x,b,USD/2\n2,1.2.2025,x,c,USD/2,1\n";

        PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        errors.Select(e => e.Line).ShouldBe([2, 2, 2, 3, 4, 4]);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused_with_its_line()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(Header), 0x31, 0xFF, 0x0A];

        PostingFileReader.Read("f.csv", bytes, out var errors);

        errors.Single().ToString().ShouldBe("f.csv:2: the file is not UTF-8.");
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Quotes_line_ends_and_a_byte_order_mark_are_understood(string lineEnd)
    {
        var text = "\uFEFF" + (Header + "1,2025-01-31,\"a \"\"b\"\", c\",x,USD/2,-7\n1,2025-01-31,\"a \"\"b\"\", c\",y,USD/2,7")
            .ReplaceLineEndings(lineEnd);

        var file = PostingFileReader.Read("f.csv", Encoding.UTF8.GetBytes(text), out var errors);

        errors.ShouldBeEmpty();
        file!.Transactions.Single().Description.ShouldBe("a \"b\", c");
        file.Transactions.Single().Postings.Select(p => (p.Line, (int)p.Amount)).ShouldBe([(2L, -7), (3L, 7)]);
    }
}
