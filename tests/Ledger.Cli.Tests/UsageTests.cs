using System.Text.RegularExpressions;

namespace Ledger.Cli.Tests;

/// <summary>What is wrong on the command line is told in a line each, ends with 2, and never reaches the
/// ledger.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("", "Required command")]
    [InlineData("accounts", "Required command")]
    [InlineData("nonsense", "'ledger' has no command 'nonsense'. Its commands: accounts,")]
    [InlineData("nonsense --help", "'ledger' has no command 'nonsense'")]
    [InlineData("--help nonsense", "'ledger' has no command 'nonsense'")]
    [InlineData("acounts open a --asset USD/2 --code 1", "'ledger' has no command 'acounts'")]
    [InlineData("accounts opne a -h", "'ledger accounts' has no command 'opne'. Its commands: open,")]
    [InlineData("transfers --nonsense --help", "'ledger transfers' has no option '--nonsense'")]
    [InlineData("accounts get a --timeout 00:00:10", "00:00:10")]
    [InlineData("accounts open a --code 1", "--asset")]
    [InlineData("accounts open a --asset USD/2", "--code")]
    [InlineData("accounts open a b --asset USD/2 --code 1", "b")]
    [InlineData("accounts open a::b --asset USD/2 --code 1", "a::b")]
    [InlineData("accounts open a --asset usd --code 1", "usd")]
    [InlineData("accounts open a --asset USD/02 --code 1", "USD/02")]
    [InlineData("accounts open a --asset USD/2 --code 0", "--code")]
    [InlineData("accounts open a --asset USD/2 --code 1 --metadata nokey", "nokey")]
    [InlineData("accounts open a --asset USD/2 --code 1 --metadata k=1 k=2", "twice")]
    [InlineData("accounts open a --asset USD/2 --code 1 --debits-must-not-exceed-credits=-5", "-5")]
    [InlineData("accounts get", "ADDRESS")]
    [InlineData("accounts get a --output csv", "csv")]
    [InlineData("accounts get a --output xml", "xml")]
    [InlineData("accounts get a --server localhost:5001", "localhost:5001")]
    [InlineData("accounts get a --server http://a,https://b", "same scheme")]
    [InlineData("accounts get a --timeout soon", "soon")]
    [InlineData("accounts get a --timeout 0s", "zero")]
    [InlineData("accounts statement a --limit 5 --all", "exclude")]
    [InlineData("accounts statement a --from yesterday", "yesterday")]
    [InlineData("transfers post --debit a --credit b --amount 1.50", "1.50")]
    [InlineData("transfers post --debit a --credit b --amount 01", "01")]
    [InlineData("transfers post --debit a --credit b --amount 340282366920938463463374607431768211456", "minor units")]
    [InlineData("transfers post --debit a --credit b", "--amount")]
    [InlineData("transfers post --debit a --credit b --amount 1 --id 7", "7")]
    [InlineData("transfers get 7", "7")]
    [InlineData("transfers get --account a", "ID")]
    [InlineData("transactions get --account a", "ID")]
    [InlineData("transfers post --debit a --credit b --amount 1 --open-accounts", "--asset")]
    [InlineData("transfers hold --debit a --credit b --amount 1 --expires-in soon", "soon")]
    [InlineData("transfers hold --debit a --credit b --amount 1 --expires-in 0s", "0s")]
    [InlineData("transfers post-hold", "HOLD")]
    [InlineData("transfers post-hold 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60 --amount x", "x")]
    [InlineData("transfers void 7", "7")]
    [InlineData("transfers extend-hold 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60", "--until")]
    [InlineData("transfers reverse 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60", "--reason")]
    [InlineData("transactions get 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60", "--account")]
    [InlineData("transactions post-holds 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60", "--account")]
    [InlineData("transactions post", "FILE")]
    [InlineData("transactions post a --output csv", "csv")]
    [InlineData("accounts freeze a", "--debits")]
    [InlineData("accounts freeze a --debits --until yesterday", "yesterday")]
    [InlineData("accounts set-limits a", "--none")]
    [InlineData("accounts set-limits a --none --debits-must-not-exceed-credits", "--none")]
    [InlineData("import", "FILE")]
    [InlineData("import does-not-exist.csv", "does-not-exist.csv")]
    public async Task Bad_command_line_is_refused(string line, string says)
    {
        // The file is the one that is read after parsing; it must not be there.
        var result = line.StartsWith("import d", StringComparison.Ordinal)
            ? await WithoutServer(line)
            : await Run.AloneAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        result.ExitCode.ShouldBe(ExitCodes.Usage, result.Error);
        result.Out.ShouldBeEmpty();
        result.Error.ShouldContain(says);
        result.Error.ShouldNotContain("   at ");
    }

    [Fact]
    public async Task A_bad_server_variable_is_named()
    {
        var error = new StringWriter();
        var context = new CliContext
        {
            Out = TextWriter.Null,
            Error = error,
            EnvironmentVariable = name => name == "LEDGER_SERVER" ? "nowhere" : null,
        };

        var code = await LedgerCli.RunAsync(["accounts", "get", "a"], context);

        code.ShouldBe(ExitCodes.Usage);
        error.ToString().ShouldContain("LEDGER_SERVER");
    }

    [Fact]
    public async Task Help_tells_the_exit_codes_and_ends_well()
    {
        var result = await Run.AloneAsync("--help");

        result.ExitCode.ShouldBe(0);
        result.Out.ShouldContain("4  outcome unknown");
        result.Out.ShouldContain("--server");
        result.Error.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("transfers", "post", "--help")]
    [InlineData("accounts", "freeze", "--help")]
    [InlineData("import", "--help")]
    public async Task Every_default_that_help_prints_is_read_when_it_is_typed(params string[] command)
    {
        var help = (await Run.AloneAsync(command)).Out.ReplaceLineEndings(" ");

        var defaults = Regex.Matches(
            help, @"(--(?:server|timeout|retry-for|output)) <(?:(?!--).)*?\[default: ([^\]]*)\]");
        defaults.Count.ShouldBeGreaterThan(2, help);
        foreach (Match one in defaults)
        {
            // The id is wrong on purpose: it is the only thing that is.
            var (option, value) = (one.Groups[1].Value, one.Groups[2].Value);
            string[] line = [
                "transfers", "post", "--debit", "a", "--credit", "b", "--amount", "1", "--id", "7", option, value];
            var typed = await Run.AloneAsync(line);
            typed.Error.Split('\n').Count(static told => told.StartsWith("error:", StringComparison.Ordinal))
                .ShouldBe(1, $"{option} {value}: {typed.Error}");
        }
    }

    [Fact]
    public async Task What_is_wrong_with_a_length_of_time_is_told_once()
    {
        var result = await Run.AloneAsync("accounts", "get", "a", "--timeout", "soon");

        result.Error.ShouldNotContain("longer than zero");
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(250, "250ms")]
    [InlineData(10_000, "10s")]
    [InlineData(90_000, "90s")]
    [InlineData(120_000, "2m")]
    [InlineData(7_200_000, "2h")]
    public void Lengths_of_time_are_written_as_they_are_read(int milliseconds, string text)
    {
        new LengthOfTime(TimeSpan.FromMilliseconds(milliseconds)).ToString().ShouldBe(text);
        Syntax.TryDuration(text, out var read).ShouldBeTrue();
        read.ShouldBe(TimeSpan.FromMilliseconds(milliseconds));
    }

    [Fact]
    public async Task Help_of_a_command_needs_no_arguments()
    {
        var result = await Run.AloneAsync("transfers", "post", "--help");

        result.ExitCode.ShouldBe(0);
        result.Out.ShouldContain("--debit");
    }

    [Theory]
    [InlineData("250ms", 250)]
    [InlineData("10s", 10_000)]
    [InlineData("10", 10_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("0s", 0)]
    public void Durations_are_read(string text, int milliseconds)
    {
        Syntax.TryDuration(text, out var duration).ShouldBeTrue();
        duration.ShouldBe(TimeSpan.FromMilliseconds(milliseconds));
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1d")]
    [InlineData("25h")]
    [InlineData("99999999999s")]
    public void Durations_that_mean_nothing_are_not(string text) => Syntax.TryDuration(text, out _).ShouldBeFalse();

    private static async Task<Result> WithoutServer(string line)
    {
        await using var server = await Testing.FakeServer.InMemoryAsync();
        var result = await server.CliAsync(line.Split(' '));
        server.Ledger.CallCount("GetAccount").ShouldBe(0);
        return result;
    }
}
