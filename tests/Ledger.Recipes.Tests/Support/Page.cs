using System.Text.RegularExpressions;

namespace Ledger.Recipes.Tests.Support;

/// <summary>A fenced block of a page.</summary>
/// <param name="Language">What stands after the fence.</param>
/// <param name="Caption">The last line before the block that is not empty.</param>
/// <param name="Body">The lines between the fences.</param>
/// <param name="Line">The index of the first line of the body.</param>
internal sealed record Block(string Language, string Caption, IReadOnlyList<string> Body, int Line);

/// <summary>A page of docs/recipes, with what it shows: code (<c>csharp</c>, under a comment that names the source and
/// the snippet), files (<c>json</c>, <c>csv</c>, under a line that ends with the file's name in backquotes and a
/// colon), preparations
/// (<c>sh</c>: each line must succeed) and sessions (<c>console</c>: each command with what it prints).</summary>
internal sealed partial class Page(string path)
{
    public static string Root { get; } = FindRoot();

    public static string Directory { get; } = Path.Combine(Root, "docs", "recipes");

    public string Name => System.IO.Path.GetFileName(path);

    public string[] Lines { get; } = File.ReadAllLines(path);

    public IEnumerable<Block> Blocks()
    {
        for (var i = 0; i < Lines.Length; i++)
        {
            if (!Lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                continue;
            }

            var caption = Lines.Take(i).LastOrDefault(static line => line.Length > 0) ?? "";
            var end = Array.FindIndex(Lines, i + 1, static line => line == "```");
            end.ShouldBeGreaterThan(i, $"{Name}: the block at line {i + 1} has no end");
            yield return new Block(Lines[i][3..], caption, Lines[(i + 1)..end], i + 1);
            i = end;
        }
    }

    public IReadOnlyDictionary<string, string> Files() => Blocks()
        .Where(static block => block.Language is "json" or "csv")
        .ToDictionary(
            block => FileCaption().Match(block.Caption) is { Success: true } match
                ? match.Groups[1].Value
                : throw new InvalidOperationException($"{Name}: the file at line {block.Line} has no name"),
            static block => string.Join('\n', block.Body), StringComparer.Ordinal);

    /// <summary>Writes the page anew with other bodies of some of its blocks.</summary>
    public void Rewrite(IEnumerable<(Block Block, IReadOnlyList<string> Body)> changes)
    {
        var lines = Lines.ToList();
        foreach (var (block, body) in changes.OrderByDescending(static change => change.Block.Line))
        {
            lines.RemoveRange(block.Line, block.Body.Count);
            lines.InsertRange(block.Line, body);
        }

        File.WriteAllText(path, string.Join('\n', lines) + '\n');
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(System.IO.Path.Combine(directory.FullName, "Ledger.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("Ledger.sln was not found above the tests.");
    }

    [GeneratedRegex("`([^`]+)`:$")]
    private static partial Regex FileCaption();
}
