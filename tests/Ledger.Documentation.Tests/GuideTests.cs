using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests;

/// <summary>Goal: what README and the pages show works when it is typed, in the order in which a reader meets it.
/// Method: the sessions of the guides are run one after the other against one new ledger, as a reader has one; programs
/// are compared with the samples, which are compiled and run by other tests; and whatever is left is named in
/// <c>not-run.txt</c>, with the reason.</summary>
public sealed partial class GuideTests
{
    private static readonly string[] s_guides =
        ["README.md", "docs/concepts/statements.md", "docs/reference/api.md", "docs/reference/json.md"];

    private static readonly (string Page, string Sample)[] s_programs =
        [("README.md", "Embed"), ("docs/reference/api.md", "EmbedGrpc")];

    [Fact]
    public async Task Sessions_work_in_the_order_in_which_a_reader_meets_them()
    {
        await using var node = await Node.StartAsync();
        foreach (var guide in s_guides)
        {
            var page = Open(guide);
            var files = page.Files();
            foreach (var block in page.Blocks().Where(static block => block.Language == "console"))
            {
                foreach (var (command, shown) in Commands(block))
                {
                    var told = await RunAsync(node, command, files);
                    if (shown.Length > 0)
                    {
                        told.ShouldMatch(PatternOf(shown), $"{guide}: {command}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Programs_are_samples_that_are_compiled()
    {
        foreach (var (page, sample) in s_programs)
        {
            var program = File.ReadAllText(Path.Combine(Page.Root, "samples", sample, "Program.cs")).TrimEnd('\n')
                .Split('\n');
            Open(page).Blocks().ShouldContain(
                block => block.Language == "csharp" && block.Body.SequenceEqual(program), $"{page}: {sample}");
        }
    }

    [Fact]
    public void What_no_test_runs_is_named_with_its_reason()
    {
        var named = File.ReadAllLines(Path.Combine(Page.Root, "tests", "Ledger.Documentation.Tests", "not-run.txt"))
            .Where(static line => line.Length > 0 && !line.StartsWith('#')).Select(static line => line.Split(" | "))
            .ToList();
        named.Where(static entry => entry is not [_, _, { Length: > 10 }]).ShouldBeEmpty();
        var found = Pages().SelectMany(static page => Open(page).Blocks().Select(block => (Page: page, Block: block)))
            .Where(static one => !IsRun(one.Page, one.Block))
            .Select(static one => $"{one.Page} | {one.Block.Body[0].Trim()}").ToList();
        found.ShouldBe(named.Select(static entry => $"{entry[0]} | {entry[1]}"), ignoreOrder: true);
    }

    // The recipes have tests of their own.
    private static IEnumerable<string> Pages() => Directory
        .EnumerateFiles(Path.Combine(Page.Root, "docs"), "*.md", SearchOption.AllDirectories)
        .Select(static path => Path.GetRelativePath(Page.Root, path).Replace('\\', '/'))
        .Where(static page => !page.StartsWith("docs/recipes/", StringComparison.Ordinal))
        .Concat(["README.md", "CONTRIBUTING.md", "samples/README.md"]);

    private static bool IsRun(string page, Block block) => block.Language switch
    {
        "console" or "json" => s_guides.Contains(page),
        "csharp" =>
            s_programs.Any(
                program => program.Page == page && block.Body[0].StartsWith("using ", StringComparison.Ordinal)),
        _ => false,
    };

    private static Page Open(string page) => new(Path.Combine(Page.Root, page));

    // A command goes on in the next line after a backslash, or while a quote is open.
    private static IEnumerable<(string Command, string Shown)> Commands(Block block)
    {
        for (var i = 0; i < block.Body.Count;)
        {
            block.Body[i].ShouldStartWith("$ ", customMessage: $"line {block.Line + i}");
            var command = new StringBuilder(block.Body[i++][2..]);
            while (command[^1] == '\\' || command.ToString().Count(static c => c == '\'') % 2 == 1)
            {
                command.Append('\n').Append(block.Body[i++]);
            }

            var from = i;
            while (i < block.Body.Count && !block.Body[i].StartsWith("$ ", StringComparison.Ordinal))
            {
                i++;
            }

            yield return (command.ToString(), string.Join('\n', block.Body.Skip(from).Take(i - from)));
        }
    }

    private static async Task<string> RunAsync(Node node, string command, IReadOnlyDictionary<string, string> files)
    {
        if (AliasOfCli().Match(command) is { Success: true } alias)
        {
            Directory.Exists(Path.Combine(Page.Root, alias.Groups[1].Value)).ShouldBeTrue(command);
            return "";
        }

        if (command.StartsWith("ledger ", StringComparison.Ordinal))
        {
            var (code, printed) = await node
                .CliAsync(Session.Split(command.Replace("\\\n", "", StringComparison.Ordinal))[1..], files);
            code.ShouldBe(0, $"{command}\n{printed}");
            return printed;
        }

        command.ShouldStartWith("curl ");
        var told = await CurlAsync(
            command.Replace("localhost:5000", node.JsonUrl.Authority, StringComparison.Ordinal), node.Directory);
        Rejection().IsMatch(told).ShouldBeFalse($"{command}\n{told}");
        return told;
    }

    private static async Task<string> CurlAsync(string command, string directory)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", command])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        var error = shell.StandardError.ReadToEndAsync();
        var told = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        shell.ExitCode.ShouldBe(0, command + "\n" + await error);
        told.ShouldNotBeEmpty(command);
        return told;
    }

    // White space does not count, and an ellipsis stands for anything.
    private static string PatternOf(string shown) =>
        @"^\s*"
        + string.Join(
            @"\s*",
            Token().Matches(shown).Select(static token => token.Value == "…" ? ".*" : Regex.Escape(token.Value)))
            + @"\s*$";

    [GeneratedRegex(@"^alias ledger='dotnet run --project (\S+) --'$")]
    private static partial Regex AliasOfCli();

    [GeneratedRegex("\"TRANSFER_STATUS_(?!CREATED\"|EXISTS\"|UNSPECIFIED\")")]
    private static partial Regex Rejection();

    [GeneratedRegex(@"…|[^\s…]")]
    private static partial Regex Token();
}
