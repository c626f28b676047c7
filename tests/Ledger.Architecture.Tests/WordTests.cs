using System.Text.RegularExpressions;

namespace Ledger.Architecture.Tests;

/// <summary>Sources and documents speak the words of the field: those that mean something else in it, or nothing, stay
/// away.</summary>
public sealed partial class WordTests
{
    private static readonly string[] s_directories = ["src", "proto", "docs", "samples", "tests", "eng"];
    private static readonly string[] s_kinds = [".cs", ".md", ".proto", ".txt", ".sh", ".json"];

    // What a line may say nevertheless: fields that were, marks of SVG and of headings, sweeping an account, which is
    // the field's own word, and a name that was, in the changelog.
    private static readonly string[] s_allowed = [
        "reserved \"", "text-anchor", "ClosingAccount.cs", "close-account.md", "var sweep", "sweep.", "sweep,",
        "snippet: sweep", "`AccountView`"];

    [Fact]
    public void No_word_is_used_that_means_something_else_in_this_field()
    {
        var found = new List<string>();
        foreach (var file in Files())
        {
            foreach (var (number, line) in File.ReadLines(file).Index())
            {
                var word = Banned().Match(line);
                if (word.Success && !s_allowed.Any(allowed => line.Contains(allowed, StringComparison.Ordinal)))
                {
                    found.Add($"{Path.GetRelativePath(Repository.Root, file)}:{number + 1}: {word.Value}");
                }
            }
        }

        found.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("the closer commits", true)]
    [InlineData("public Transfer? Anchor { get; }", true)]
    [InlineData("IsCloser", true)]
    [InlineData("found_at_its_anchor()", true)]
    [InlineData("AddLedgerSweeper", true)]
    [InlineData("its id is burned", true)]
    [InlineData("context.PokeAfter(pause)", true)]
    [InlineData("while the database is away", true)]
    [InlineData("new AccountView(spec)", true)]
    [InlineData("spoken, SpokenRow, a token", false)]
    [InlineData("a node that is away from its peers", false)]
    [InlineData("a trial balance", false)]
    [InlineData("disclosed, industrial", false)]
    public void A_word_is_found_alone_and_as_a_part_of_a_name(string line, bool isFound) =>
        Banned().IsMatch(line).ShouldBe(isFound);

    private static IEnumerable<string> Files() => s_directories
        .SelectMany(static directory => Directory.EnumerateFiles(
            Path.Combine(Repository.Root, directory), "*", SearchOption.AllDirectories))
        .Concat(Directory.EnumerateFiles(Repository.Root, "*.md"))
        .Where(static file => s_kinds.Contains(Path.GetExtension(file), StringComparer.Ordinal)
            && !file.EndsWith("WordTests.cs", StringComparison.Ordinal)
            && !file.EndsWith("DocsTests.cs", StringComparison.Ordinal));

    // As a word in prose, or as a word of a name in Pascal or camel case.
    [GeneratedRegex(
        @"(?<![A-Za-z])(closers?|anchor(s|ed|ing)?|trials?(?! balance)|sweep(s|er|ers|ing)?|"
        + @"rehears\w*|utterances?)(?![A-Za-z])"
        + @"|(?<=[a-z])(Closer|Anchor|Trial|Sweep|Rehears|Utterance)"
        + @"|\b(Closer|Anchor|Trial|Sweep|Rehears|Utterance)(?=[A-Z]|\b)"
        + @"|\b(closer|anchor|trial|sweeper|utterance)(?=[A-Z])"
        + @"|(?<![A-Za-z])(burn(s|ed)|pokes?|poked|(is|are) away(?! from)|is no use|are so no more)(?![A-Za-z])"
        + @"|(?<![A-Za-z])Pokes?(?=[A-Z]|\b)|(?<=[a-z])Pokes?(?=[A-Z]|\b)"
        + @"|\b(AccountSheet|AccountView|LegLadder|LegFact|TransactionPart|PartLeg|AccountQuote|AccountCall|CallFailed"
        + @"|StatementFence|RememberedIds?|RecentIds|IdSearches|UnorderedIds|IndexBeginnings|TransactionDisowned"
        + @"|SharedRun|GroupedReads|GroupWriteJournal|SurvivingTransport|JournalWatch|ActorSystemWatch|CallClock"
        + @"|LateOpening|LateListener|HeldErrorStream|AccountClock|LostCallsActor|UnreadableAccountActor)\b")]
    private static partial Regex Banned();
}
