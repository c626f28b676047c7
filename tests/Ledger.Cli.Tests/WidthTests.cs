using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>Goal: whatever the terminal's width, no amount and no id is broken or cut, and columns stay in line.
/// Method: each kind of output, with amounts of 31 digits and more, the longest addresses and texts of wide characters,
/// is laid out as a terminal does it, row by row; every amount and id must stand in one row. What they look like is
/// kept in Widths.txt.</summary>
public sealed partial class WidthTests
{
    private const string Large = "1000000000000000000000000000000";
    private const string Largest = "340282366920938463463374607431768211455";
    private const string Id = "01a22664-7c67-718a-8c1e-7ff5cd141ec0";
    private const string OtherId = "01a22664-7c67-718a-8c1e-7ff5cd141ec1";
    private const string HoldId = "01a22664-7c67-718a-8c1e-7ff5cd141ec2";
    private const string Wide = "日本語の送金 Zoë e\u0301 💶 Überweisung";

    private static readonly string Long = string.Join(':', Enumerable.Repeat("segment-of-an-address", 6))[..128];

    public static TheoryData<int> Widths => [60, 80, 100, 140, 200];

    [Theory]
    [MemberData(nameof(Widths))]
    public async Task No_amount_or_id_is_broken_and_columns_stay_in_line(int width)
    {
        foreach (var (line, shown) in await ShowAsync(width))
        {
            var text = shown.Out + shown.Error;
            text.ShouldNotContain("…", customMessage: line);
            var rows = Rows(text, width);
            foreach (Match amount in NumberOrId().Matches(text))
            {
                rows.ShouldContain(
                    row =>
                        row.Contains(amount.Value, StringComparison.Ordinal),
                        $"{amount.Value} of '{line}' at {width}:\n{text}");
            }

            var table = text.Split('\n').Select(static one => one.TrimEnd('\r')).Where(static one => one.Contains('│'))
                .ToArray();
            table.Select(Cells).Distinct().Count().ShouldBeLessThanOrEqualTo(1, $"'{line}' at {width}:\n{text}");
            table.ShouldAllBe(one => Cells(one) <= width, $"'{line}' at {width}:\n{text}");
        }
    }

    [Fact]
    public async Task All_of_it_is_there_at_every_width()
    {
        var all = new List<HashSet<string>>();
        foreach (var width in new[] { 60, 80, 100, 140 })
        {
            var text = string.Join('\n', (await ShowAsync(width)).Select(static one => one.Shown.Out));
            all.Add([.. NumberOrId().Matches(Given(text)).Select(static match => match.Value)]);
            text.ShouldContain(Wide);
            text.ShouldContain(Long);
            text.ShouldContain(Largest);
            text.ShouldContain("-" + Large);
        }

        foreach (var one in all)
        {
            one.ShouldBe(all[0], ignoreOrder: true);
        }
    }

    [Fact]
    public async Task They_look_as_they_did()
    {
        var all = new StringBuilder();
        foreach (var width in new[] { 60, 80, 100, 140 })
        {
            all.Append(CultureInfo.InvariantCulture, $"======== {width} columns {new string('=', width - 20)}\n");
            foreach (var (line, shown) in await ShowAsync(width))
            {
                all.Append(
                    $"\n$ ledger {line}\n{string.Join('\n', Rows(Given(shown.Out + shown.Error), width)).TrimEnd()}\n");
            }

            all.Append('\n');
        }

        var kept = Path.Combine(AppContext.BaseDirectory, "Widths.txt");
        var now = Path.Combine(Path.GetTempPath(), "Widths.txt");
        var text = all.ToString();
        if (await File.ReadAllTextAsync(kept) != text)
        {
            await File.WriteAllTextAsync(now, text);
            throw new InvalidOperationException(
                $"Compare Widths.txt with {now}, and put that in its place if it is right.");
        }
    }

    private static async Task<List<(string Line, Result Shown)>> ShowAsync(int width)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "bank:equity", "users:42:wallet", Long);
        (await server.CliAsync(
            "accounts", "open", "limited", "--asset", "USD/2", "--code", "4294967295",
            "--debits-must-not-exceed-credits", Largest,
            "--reference", Wide, "--metadata", $"city={Wide}")).ExitCode.ShouldBe(0);
        await PostAsync("post", "bank:equity", "users:42:wallet", Large, Id, Wide);
        await PostAsync("post", Long, "limited", "12500", OtherId, "");
        await PostAsync("hold", "limited", "users:42:wallet", "77", HoldId, Wide);
        server.Ledger.Doubt("users:42:wallet");

        var shown = new List<(string, Result)>();
        foreach (var line in new[]
        {
            "accounts get limited", "accounts get users:42:wallet", "accounts statement users:42:wallet",
            $"accounts statement {Long}", "balances", $"transfers get {Id}", $"transfers get {HoldId}",
            "admin in-doubt list", "admin in-doubt show users:42:wallet",
        })
        {
            var result = await ShowOneAsync(line.Split(' '));
            result.ExitCode.ShouldBe(0, $"{line}: {result.Error}");
            shown.Add((line, result));
        }

        var file = Path.Combine(Directory.CreateTempSubdirectory("ledger-width-").FullName, "books.csv");
        await File.WriteAllTextAsync(
            file, $"date,description,debit,credit,asset,amount\n2025-01-31,{Wide},bank:equity,{Long},USD/2,{Large}\n");
        var import = await ShowOneAsync("import", file);
        import.ExitCode.ShouldBe(0, import.Error);
        shown.Add(("import books.csv", import));
        File.Delete(file);

        foreach (var line in new[]
        {
            $"transfers get {Id} --account nobody",
            $"transfers post --debit nobody --credit {Long} --amount {Large} --id {Id}",
            $"transfers post --debit a --credit b --amount {Largest}0",
        })
        {
            var result = await ShowOneAsync(line.Split(' '));
            result.ExitCode.ShouldNotBe(0);
            shown.Add((line, result));
        }

        return shown;

        async Task<Result> ShowOneAsync(params string[] line)
        {
            var result = await server.CliInTerminalAsync(width, line);
            return result with { Out = Style().Replace(result.Out, ""), Error = Style().Replace(result.Error, "") };
        }

        async Task PostAsync(string verb, string debit, string credit, string amount, string id, string reference)
        {
            var posted = await server.CliAsync([
                "transfers", verb, "--debit", debit, "--credit", credit, "--amount", amount, "--id", id,
                .. reference.Length == 0 ? Array.Empty<string>() : ["--reference", reference],
            ]);
            posted.ExitCode.ShouldBe(0, posted.Error);
        }
    }

    // As a terminal lays it out: a character that does not fit goes to the next row.
    private static List<string> Rows(string text, int width)
    {
        var rows = new List<string>();
        foreach (var line in text.Split('\n'))
        {
            var row = new StringBuilder();
            var cells = 0;
            foreach (var rune in line.TrimEnd('\r').EnumerateRunes())
            {
                var wide = CellsOf(rune);
                if (cells + wide > width)
                {
                    rows.Add(row.ToString());
                    row.Clear();
                    cells = 0;
                }

                row.Append(rune.ToString());
                cells += wide;
            }

            rows.Add(row.ToString().TrimEnd());
        }

        return rows;
    }

    // The id that a command made is another one each time.
    private static string Given(string text) => GivenId().Replace(text, "01a22664-7c67-718a-8c1e-7ff5cd141ecf");

    private static int Cells(string line) => line.EnumerateRunes().Sum(CellsOf);

    // What terminals agree on: East Asian wide characters and pictures take two places, marks on a letter none.
    private static int CellsOf(Rune rune) => rune.Value switch
    {
        _ when Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark => 0,
        (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0xFF00 and <= 0xFF60) or (>= 0x1F300 and <= 0x1FAFF) => 2,
        _ => 1,
    };

    // Amounts of two digits or more, and ids.
    [GeneratedRegex(@"[0-9a-f]{8}-[0-9a-f-]{27}|-?\b[0-9]{2,}\b", RegexOptions.None, 1000)]
    private static partial Regex NumberOrId();

    [GeneratedRegex(@"\e\[[0-9;?]*[a-z]", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Style();

    [GeneratedRegex(@"(?<=^id )[0-9a-f]{8}-[0-9a-f-]{27}", RegexOptions.Multiline, 1000)]
    private static partial Regex GivenId();
}
