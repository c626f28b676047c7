using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>The facts that requests and answers carry, on the command line.</summary>
public sealed class FactsTests
{
    private const string Id = "0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60";

    [Theory]
    [InlineData("post")]
    [InlineData("hold")]
    public async Task When_a_transfer_counts_is_told_and_shown(string verb)
    {
        await using var server = await FakeServer.InMemoryAsync();
        await Run.OpenAsync(server, "a", "b");
        (await server.CliAsync(
            "transfers", verb, "--debit", "a", "--credit", "b", "--amount", "150", "--id", Id, "--effective-time",
            "2026-11-30"))
            .ExitCode.ShouldBe(0);
        var found = await server.CliAsync("transfers", "get", Id, "--account", "b", "--output", "json");
        ((string?)found.Json["transfer"]!["effectiveTime"]).ShouldBe("2026-11-30T00:00:00Z");
        (await server.CliAsync("transfers", "get", Id, "--account", "b")).Out.ShouldContain("effective");

        var wrong = await server.CliAsync(
            "transfers", verb, "--debit", "a", "--credit", "b", "--amount", "150", "--effective-time", "yesterday");
        wrong.ExitCode.ShouldNotBe(0);
        wrong.Error.ShouldContain("--effective-time");
    }
}
