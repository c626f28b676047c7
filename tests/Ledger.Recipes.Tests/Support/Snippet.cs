namespace Ledger.Recipes.Tests.Support;

/// <summary>The parts of the tests' sources that pages show, between the comments <c>snippet: NAME</c> and
/// <c>end</c>.</summary>
internal static class Snippet
{
    private const string Start = "// snippet: ";
    private const string End = "// end";

    private static string Sources => Path.Combine(Page.Root, "tests", "Ledger.Recipes.Tests");

    /// <summary>How a page names each snippet that there is.</summary>
    public static IEnumerable<string> All() => Files().SelectMany(static file => File.ReadLines(file)
        .Where(static line => line.TrimStart().StartsWith(Start, StringComparison.Ordinal))
        .Select(line => $"<!-- {Path.GetFileName(file)}: {line.Trim()[Start.Length..]} -->"));

    /// <summary>The lines of the snippet that a caption names.</summary>
    public static IReadOnlyList<string> Find(string caption)
    {
        if (caption.Trim('<', '!', '-', '>', ' ').Split(": ") is not [var file, var name])
        {
            throw new InvalidOperationException($"'{caption}' names no snippet, as <!-- File.cs: name --> does.");
        }

        var lines = File.ReadAllLines(Files().Single(path => Path.GetFileName(path) == file));
        var from = Array.FindIndex(lines, line => line.Trim() == Start + name) + 1;
        from.ShouldBeGreaterThan(0, $"{file} has no snippet {name}");
        var to = Array.FindIndex(lines, from, static line => line.Trim() == End);
        var body = lines[from..to];
        var indent = body.Where(static line => line.Length > 0)
            .Min(static line => line.Length - line.TrimStart().Length);
        return [.. body.Select(line => line.Length > 0 ? line[indent..] : line)];
    }

    private static IEnumerable<string> Files() => Directory.EnumerateFiles(Sources, "*.cs", SearchOption.AllDirectories)
        .Where(static path => Path.GetFileName(path) != "Snippet.cs");
}
