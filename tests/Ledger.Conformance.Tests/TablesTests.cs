namespace Ledger.Conformance.Tests;

/// <summary>The program on the tables of this repository, run once; its score, and each table by name.</summary>
public class TablesTests(TablesTests.Score score) : IClassFixture<TablesTests.Score>
{
    private static readonly string Tables = Path.Combine(AppContext.BaseDirectory, "tables");

    public static TheoryData<string> Names =>
        [.. Directory.GetFiles(Tables, "*.table").Select(static path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Table_EachApplicableRow_Passes(string name)
    {
        var prefix = $" {name}:";
        score.Lines.Where(line => line.Contains(prefix, StringComparison.Ordinal)
            && (line.StartsWith("failed ", StringComparison.Ordinal)
                || line.StartsWith("stopped ", StringComparison.Ordinal)))
            .ShouldBeEmpty();
    }

    [Fact]
    public void Program_AllTables_EndsWithTheScoreAndNoError()
    {
        score.Lines[^1].ShouldMatch("^conformance: ([0-9]+) of \\1 rows pass, [0-9]+ waived$");
        score.ExitCode.ShouldBe(0);
    }

    /// <summary>Rows may stop to be judged by mistake; then this fails.</summary>
    [Fact]
    public void Program_AllTables_JudgesAndWaivesAsManyRowsAsEver() =>
        score.Lines[^1].ShouldMatch("^conformance: [0-9]+ of 441 rows pass, 268 waived$");

    public sealed class Score : IAsyncLifetime
    {
        public int ExitCode { get; private set; }

        public IReadOnlyList<string> Lines { get; private set; } = [];

        public async Task InitializeAsync()
        {
            using var output = new StringWriter();
            using var error = new StringWriter();
            ExitCode = await ConformanceProgram.RunAsync([Tables], output, error);
            error.ToString().ShouldBeEmpty();
            Lines = output.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        }

        public Task DisposeAsync() => Task.CompletedTask;
    }
}
