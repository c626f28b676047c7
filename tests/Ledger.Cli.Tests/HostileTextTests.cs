using System.Globalization;
using Grpc.Core;
using Ledger.Cli.Output;
using Ledger.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ledger.Cli.Tests;

/// <summary>Goal: what somebody has written into the ledger, or a server into an error, neither steers a terminal nor
/// calculates in a spreadsheet; and the machine's language changes nothing.</summary>
public sealed class HostileTextTests
{
    // A title for the window, a line that erases itself, a reversed line, C1's way to begin the same, and an end of
    // everything.
    private const string Steering = "\u001b]0;owned\u0007 \u001b[2K\r \u202Egpj.exe \u009b31m \0 \u2066x\u2069 \u200b";

    [Theory]
    [InlineData("table")]
    [InlineData("json")]
    [InlineData("csv")]
    public async Task What_steers_a_terminal_is_shown_by_its_number_in_every_format(string format)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        (await PostAsync(server, Steering)).ExitCode.ShouldBe(0);

        var statement = await server.CliAsync("accounts", "statement", "b", "--output", format);

        statement.ExitCode.ShouldBe(0, statement.Error);
        Harmless(statement.Out);
        statement.Out.ShouldContain("\\u202e");
        statement.Out.ShouldContain("\\u009b");
        if (format == "json")
        {
            // Nothing is lost: who reads the document has what was written.
            ((string?)statement.Json["entries"]![0]!["transfer"]!["reference"]).ShouldBe(Steering);
        }
    }

    [Fact]
    public async Task An_error_of_the_server_and_what_was_typed_are_told_on_one_harmless_line()
    {
        await using var server = await FakeServer.InMemoryAsync();
        server.Ledger.Before = _ =>
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"no\nid 1 {Steering}"));

        var refused = await server.CliAsync("accounts", "get", "a");
        var typed = await Run.AloneAsync("accounts", "get", $"a\n{Steering}");
        var unknown = await Run.AloneAsync($"x{Steering}");

        foreach (var result in (Result[])[refused, typed, unknown])
        {
            Harmless(result.Error);
            result.Error.ShouldContain("\\u001b");
        }

        refused.Error.TrimEnd().ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("=1+2", "'=1+2")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\t=1", "' =1")]
    [InlineData("\r=1", "' =1")]
    [InlineData(" =1", "' =1")]
    [InlineData("\uFF1D1", "'\uFF1D1")]
    [InlineData("=HYPERLINK(\"http://x\";\"y\")", "\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\"")]
    [InlineData("1=1", "1=1")]
    [InlineData("a;b", "\"a;b\"")]
    [InlineData("it's", "it's")]
    public async Task A_text_that_a_spreadsheet_would_calculate_is_written_as_text(string reference, string field)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "-2-3");
        (await PostAsync(server, reference, "-2-3")).ExitCode.ShouldBe(0);

        var debits = await server.CliAsync("accounts", "statement", "a", "--output", "csv");
        var balances = await server.CliAsync("balances", "--output", "csv");

        debits.Out.ShouldEndWith($",1,{field},USD/2\r\n");
        debits.Out.ShouldContain(",debit,7,7,'-2-3,");
        balances.Out.ShouldBe(
            "account,asset,balance\r\n'-2-3,USD/2,-7\r\na,USD/2,7\r\n", "a number below zero stays a number");
    }

    [Fact]
    public void Names_and_flags_of_all_languages_stay_as_they_are()
    {
        foreach (var text in (string[])["Zoë", "می‌خواهم", "👩‍🚀", "日本", "ไทย", "🏴󠁧"])
        {
            Printable.Of(text).ShouldBe(text is "🏴󠁧" ? "🏴\\udb40\\udc67" : text);
        }

        Printable.Of("a\ud800b").ShouldBe("a\\ud800b");
        Printable.Of("a\r\nb\nc\td").ShouldBe("a b c d");
    }

    [Fact]
    public async Task The_language_of_the_machine_changes_nothing()
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        await PostAsync(server, "r");
        string[][] lines =
        [
            ["accounts", "get", "b"], ["accounts", "get", "b", "--output", "json"], ["accounts", "statement", "b"],
            ["accounts", "statement", "b", "--output", "csv", "--start-time", "2025-01-01T00:00:00.5Z"], ["balances"],
            ["accounts", "get"], ["--help"], ["accounts", "get", "b", "--timeout", "1,5s"],
            ["accounts", "get", "b", "--timeout", "1500ms"],
        ];
        var expected = new List<Result>();
        foreach (var line in lines)
        {
            expected.Add(await server.CliAsync(line));
        }

        var (culture, language) = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        try
        {
            // As in Farsi, Swedish and German, whether this process has their data or not.
            var hostile = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            hostile.NumberFormat.NegativeSign = "\u200e\u2212";
            hostile.NumberFormat.NumberDecimalSeparator = ",";
            hostile.NumberFormat.NumberGroupSeparator = ".";
            hostile.DateTimeFormat.TimeSeparator = ".";
            hostile.DateTimeFormat.DateSeparator = "-";
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (hostile, hostile);
            for (var i = 0; i < lines.Length; i++)
            {
                (await server.CliAsync(lines[i])).ShouldBe(expected[i]);
            }

            CultureInfo.CurrentCulture.ShouldBeSameAs(hostile, "it is the command's own affair");
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (culture, language);
        }
    }

    [Fact]
    public async Task The_port_of_the_JSON_API_is_named_in_one_sentence_and_nothing_was_sent()
    {
        await using var server = await FakeServer.OnPortAsync(protocols: HttpProtocols.Http1);

        var read = await server.CliAsync("accounts", "get", "a");
        var write = await server.CliAsync(
            "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--code", "1",
            "--id", "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60", "--retry-for", "60s");

        foreach (var result in (Result[])[read, write])
        {
            result.ExitCode.ShouldBe(5, result.Error);
            result.Error.ShouldContain("HTTP/1.1");
            result.Error.ShouldContain("5001");
            result.Error.ShouldContain("Nothing was sent.");
            result.Error.TrimEnd().ShouldNotContain('\n');
        }
    }

    [Fact]
    public async Task An_authority_that_can_not_be_read_is_a_mistake_of_usage()
    {
        var missing = await Run.AloneAsync("balances", "--authority", "nowhere.pem");
        missing.ExitCode.ShouldBe(2);
        missing.Error.ShouldContain("--authority: 'nowhere.pem' can't be read");
        var none = Path.GetTempFileName();
        File.WriteAllText(none, "no certificate");
        var empty = await Run.AloneAsync("balances", "--authority", none);
        File.Delete(none);
        empty.ExitCode.ShouldBe(2);
        empty.Error.ShouldContain("holds no certificate");
    }

    private static Task<Result> PostAsync(FakeServer server, string reference, string credit = "b") => server.CliAsync(
        "transfers", "post", "--debit", "a", "--credit", credit, "--amount", "7", "--code", "1",
        "--reference=" + reference,
        "--id", "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f61");

    private static void Harmless(string text)
    {
        foreach (var c in text)
        {
            (c is '\n' or '\r' || !Printable.IsSteering(c)).ShouldBeTrue($"U+{(int)c:X4} in {text}");
        }

        text.Replace("\r\n", "\n", StringComparison.Ordinal).ShouldNotContain('\r');
    }
}
