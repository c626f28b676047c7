namespace Ledger.House.Tests;

/// <summary>Sources fit a screen of 120 columns. Text that is kept as it is printed or sent, in a raw literal, may be
/// wider.</summary>
public sealed class WidthTests
{
    private const int WidthMax = 120;
    private const string RawQuotes = "\"\"\"";

    private static readonly string[] s_directories = ["src", "tests", "samples", "proto"];

    [Fact]
    public void No_line_is_wider_than_120_columns()
    {
        var found = new List<string>();
        foreach (var file in s_directories.SelectMany(static directory => Directory.EnumerateFiles(
            Path.Combine(Repository.Root, directory), "*", SearchOption.AllDirectories)))
        {
            if (Path.GetExtension(file) is not (".cs" or ".proto"))
            {
                continue;
            }

            var lines = File.ReadAllLines(file);
            foreach (var number in Wide(lines))
            {
                var path = Path.GetRelativePath(Repository.Root, file);
                found.Add($"{path}:{number}: {lines[number - 1].Length} columns");
            }
        }

        found.ShouldBeEmpty();
    }

    [Fact]
    public void A_wide_line_is_found_unless_it_belongs_to_a_raw_literal()
    {
        var wide = new string('x', WidthMax + 1);
        Wide([wide, "short", wide[1..]]).ShouldBe([1]);
        Wide(["var a = $" + RawQuotes, wide, "    " + RawQuotes + ";", wide]).ShouldBe([4]);
        Wide([$"Check({RawQuotes}{wide}{RawQuotes});", wide]).ShouldBe([2]);
    }

    private static IEnumerable<int> Wide(string[] lines)
    {
        var isRaw = false;
        for (var i = 0; i < lines.Length; i++)
        {
            var marks = (lines[i].Length - lines[i].Replace(RawQuotes, "", StringComparison.Ordinal).Length)
                / RawQuotes.Length;
            if (lines[i].Length > WidthMax && !isRaw && marks == 0)
            {
                yield return i + 1;
            }

            isRaw ^= marks % 2 == 1;
        }
    }
}
