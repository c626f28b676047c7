using Ledger.Recipes.Tests.Support;

namespace Ledger.Recipes.Tests;

/// <summary>Goal: what a recipe shows is what happens. Method: each page's command lines are run, in order, against a
/// new ledger, and what they print is compared with what the page says they print; each page's code is the code of a
/// test that is compiled and run. With LEDGER_WRITE_PAGES set, the pages are brought into line instead.</summary>
public sealed class PageTests
{
    private static readonly bool Write = Environment.GetEnvironmentVariable("LEDGER_WRITE_PAGES") is not null;

    public static TheoryData<string> Pages =>
        [.. Directory.GetFiles(Page.Directory, "*.md").Select(static path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Commands_print_what_the_page_says(string name)
    {
        var page = new Page(Path.Combine(Page.Directory, name));
        var files = page.Files();
        await using var node = await Node.StartAsync();
        var (said, happened) = (new List<string>(), new List<string>());
        var changes = new List<(Block, IReadOnlyList<string>)>();
        foreach (var block in page.Blocks().Where(static block => block.Language is "sh" or "console"))
        {
            var body = new List<string>();
            foreach (var (shown, command, printed) in Session.Commands(block))
            {
                var result = await RunAsync(node, command, files);
                if (block.Language == "sh")
                {
                    result.ExitCode.ShouldBe(0, $"{name}: {command}\n{result.Printed}");
                    continue;
                }

                body.AddRange([.. shown, .. Lines(result.Printed)]);
                said.AddRange([command, .. printed]);
                happened.AddRange([command, .. Lines(result.Printed)]);
            }

            if (block.Language == "console")
            {
                changes.Add((block, body));
            }
        }

        var (expected, actual) = (
            Session.Normalize(string.Join('\n', said)), Session.Normalize(string.Join('\n', happened)));
        if (Write && expected != actual)
        {
            page.Rewrite(changes);
            return;
        }

        actual.ShouldBe(expected, name);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_is_that_of_a_test(string name)
    {
        var page = new Page(Path.Combine(Page.Directory, name));
        var changes = new List<(Block, IReadOnlyList<string>)>();
        foreach (var block in page.Blocks().Where(static block => block.Language == "csharp"))
        {
            var snippet = Snippet.Find(block.Caption);
            if (Write)
            {
                changes.Add((block, snippet));
            }
            else
            {
                block.Body.ShouldBe(snippet, $"{name}: {block.Caption}");
            }
        }

        if (Write)
        {
            page.Rewrite(changes);
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Recipe_shows_both_the_commands_and_the_code(string name)
    {
        // An import is a matter of the command line alone.
        if (name is "README.md" or "importing.md")
        {
            return;
        }

        var languages = new Page(Path.Combine(Page.Directory, name)).Blocks().Select(static block => block.Language)
            .ToArray();
        languages.ShouldContain("console");
        languages.ShouldContain("csharp");
    }

    [Fact]
    public void Every_snippet_is_shown_by_a_page() =>
        Snippet.All().Except(
            Directory.GetFiles(Page.Directory, "*.md").SelectMany(static path => new Page(path).Blocks())
                .Where(static block => block.Language == "csharp").Select(static block => block.Caption),
            StringComparer.Ordinal).ShouldBeEmpty();

    private static async Task<(int ExitCode, string Printed)> RunAsync(
        Node node, string command, IReadOnlyDictionary<string, string> files)
    {
        switch (Session.Split(command))
        {
            case ["ledger", .. var arguments]:
                return await node.CliAsync(arguments, files);
            case ["sleep", var seconds]:
                await Task.Delay(TimeSpan.FromSeconds(int.Parse(seconds)));
                return (0, "");
            default:
                throw new InvalidOperationException($"A page can run ledger and sleep, and not: {command}");
        }
    }

    private static IEnumerable<string> Lines(string printed) => printed.ReplaceLineEndings("\n").Split('\n')
        .Select(static line => line.TrimEnd()).Where(static line => line.Length > 0);
}
