using Ledger.Fuzz.Processes;

namespace Ledger.Fuzz.Tests;

/// <summary>The command line.</summary>
public sealed class OptionsTests
{
    private static readonly string s_node = typeof(OptionsTests).Assembly.Location;

    [Fact]
    public void What_is_said_is_taken()
    {
        var options = FuzzOptions.Parse(
            ["--seed", "5", "--inputs", "1000000", "--seconds", "50", "--worlds", "sqliteKeys,PostgreSqlKeys",
                "--input", "77", "--node", s_node]);
        (options.Seed, options.Inputs, options.Length, options.Input)
            .ShouldBe((5UL, 1_000_000L, TimeSpan.FromSeconds(50), 77L));
        options.Worlds.ShouldBe([WorldKind.SqliteKeys, WorldKind.PostgreSqlKeys]);
    }

    [Theory]
    [InlineData("--seed", "x")]
    [InlineData("--inputs", "0")]
    [InlineData("--worlds", "1")]
    [InlineData("--worlds", "Oracle")]
    [InlineData("--inputs")]
    [InlineData("--unknown")]
    public void What_is_not_understood_is_refused(params string[] args) =>
        Should.Throw<FormatException>(() => FuzzOptions.Parse([.. args, "--node", s_node]));
}
