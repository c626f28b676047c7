namespace Ledger.Conformance.Tests;

public sealed class ProgramTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-test-");
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();

    public void Dispose()
    {
        directory.Delete(recursive: true);
        output.Dispose();
        error.Dispose();
    }

    [Fact]
    public async Task Program_WithoutADirectory_SaysHowItIsUsed()
    {
        (await ConformanceProgram.RunAsync([], output, error)).ShouldBe(2);
        error.ToString().ShouldStartWith("usage: ");
    }

    [Fact]
    public async Task Program_DirectoryThatIsMissing_IsToldByName()
    {
        (await RunAsync(Path.Combine(directory.FullName, "missing"))).ShouldBe(2);
        error.ToString().ShouldContain("missing");
    }

    [Fact]
    public async Task Program_DirectoryWithoutATable_IsToldByName()
    {
        (await RunAsync(directory.FullName)).ShouldBe(2);
        error.ToString().ShouldContain(directory.FullName);
    }

    [Fact]
    public async Task Program_TablesThatCanNotBeRead_AreAllToldAndNoneIsRun()
    {
        Write("1.table", "lookup_account A1 _\ncommit lookup_accounts\n");
        Write("2.table", "tick 1 seconds\ntick 1 days\n");
        Write("3.table", "hello\n");
        (await RunAsync(directory.FullName)).ShouldBe(2);
        error.ToString().ShouldContain("2.table:2: ");
        error.ToString().ShouldContain("3.table:1: ");
        output.ToString().ShouldBeEmpty();
    }

    [Fact]
    public async Task Program_RowThatPassesAndRowThatFails_AreCounted()
    {
        Write(
            "1.table", "lookup_account A1 _\nlookup_account A2  1 2 3 -0 CLSD // Not there.\ncommit lookup_accounts\n");
        Write("2.table", "get_change_events _ _ 1\ncommit get_change_events\n");
        (await RunAsync(directory.FullName)).ShouldBe(1);
        output.ToString().ReplaceLineEndings("\n").ShouldBe(
            """
            failed 1.table:2: lookup_account A2 1 2 3 -0 CLSD
              expected 1 2 3 340282366920938463463374607431768211455 CLSD
              actual   not found
            waived, 1 rows: waits for the read side
              2.table:1: get_change_events _ _ 1
            conformance: 1 of 2 rows pass, 1 waived

            """.ReplaceLineEndings("\n"));
    }

    private Task<int> RunAsync(string path) => ConformanceProgram.RunAsync([path], output, error);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(directory.FullName, name), text);
}
