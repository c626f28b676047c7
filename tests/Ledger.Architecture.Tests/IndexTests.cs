using System.Text.RegularExpressions;

namespace Ledger.Architecture.Tests;

/// <summary>Nothing that is written for readers lies where nobody finds it: every page and every sample is in an
/// index, and what pages say about files is about files that exist.</summary>
public sealed partial class IndexTests
{
    // They pause once, or look at something at an even pace, and repeat nothing that failed.
    private static readonly string[] s_pausesOnce =
    [
        "ConnectionGate.cs", "DatabaseWatch.cs", "Drain.cs", "GroupWriter.cs", "LedgerExtension.cs", "SharedStream.cs",
        "SqliteStorage.cs",
    ];

    private static string Root => Repository.Root;

    private static string Docs => Path.Combine(Root, "docs");

    [Fact]
    public void Every_page_is_in_the_index()
    {
        var index = Path.Combine(Docs, "README.md");
        var pages = Directory.GetFiles(Docs, "*.md", SearchOption.AllDirectories)
            .Where(page => page != index).ToArray();
        pages.Length.ShouldBeGreaterThan(40);
        pages.Except(LinkedFrom(index)).Select(Relative).ShouldBeEmpty("link them in docs/README.md");
    }

    [Fact]
    public void Every_sample_is_in_the_index()
    {
        var index = Path.Combine(Root, "samples", "README.md");
        var linked = LinkedFrom(index).ToArray();
        var samples = Directory.GetFiles(Path.Combine(Root, "samples"), "*.csproj", SearchOption.AllDirectories)
            .Select(static project => Path.GetDirectoryName(project)!).ToArray();
        samples.Length.ShouldBeGreaterThan(3);
        samples.Where(sample => !linked.Any(file => Path.GetDirectoryName(file) == sample)).Select(Relative)
            .ShouldBeEmpty("link a file of theirs in samples/README.md");
    }

    [Fact]
    public void Both_indexes_are_reached_from_the_README()
    {
        var linked = LinkedFrom(Path.Combine(Root, "README.md")).ToArray();
        linked.ShouldContain(Path.Combine(Docs, "README.md"));
        linked.ShouldContain(Path.Combine(Root, "samples", "README.md"));
    }

    [Fact]
    public void Files_that_pages_name_exist()
    {
        var lost = new List<string>();
        var found = 0;
        foreach (var page in Directory.GetFiles(Docs, "*.md", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Root, "*.md")).Append(Path.Combine(Root, "samples", "README.md")))
        {
            foreach (Match name in NamedFile().Matches(File.ReadAllText(page)))
            {
                found++;
                var path = Path.Combine(Root, name.Groups[1].Value);
                if (!File.Exists(path) && !Directory.Exists(path))
                {
                    lost.Add($"{Relative(page)}: {name.Groups[1].Value}");
                }
            }
        }

        found.ShouldBeGreaterThan(50);
        lost.ShouldBeEmpty();
    }

    [Fact]
    public void Every_file_that_pauses_and_tries_again_is_on_the_page_of_retries()
    {
        var page = File.ReadAllText(Path.Combine(Docs, "reference", "retries.md"));
        var pausing = Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(static file => Pause().IsMatch(File.ReadAllText(file))).ToArray();
        pausing.Length.ShouldBeGreaterThan(15);
        pausing.Where(file => !s_pausesOnce.Contains(Path.GetFileName(file), StringComparer.Ordinal)
                && !page.Contains($"`{Relative(file)}`", StringComparison.Ordinal))
            .Select(Relative).ShouldBeEmpty("add a row to docs/reference/retries.md");
    }

    private static IEnumerable<string> LinkedFrom(string page) => Link().Matches(File.ReadAllText(page))
        .Select(static link => link.Groups[1].Value.Split('#')[0])
        .Where(static target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
        .Select(target => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, target)));

    private static string Relative(string path) => Path.GetRelativePath(Root, path);

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    // A delay, or a pause that doubles.
    [GeneratedRegex(@"Task\.Delay\(|<< Math\.Min\(|[pP]ause \* 2|Math\.Pow\(2")]
    private static partial Regex Pause();

    // In backquotes, without what is a pattern, a command or something that a build makes.
    [GeneratedRegex(@"`((?:src|tests|proto|eng|samples|docs)/[A-Za-z0-9_./-]*)`")]
    private static partial Regex NamedFile();
}
