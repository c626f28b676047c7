namespace Ledger.Chaos.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void The_command_line_is_read()
    {
        var options = ChaosOptions.Parse(
        [
            "--nodes", "5", "--seconds", "30", "--seed", "42", "--faults", "pause", "--workload", "hot", "--rate", "70",
            "--node", typeof(OptionsTests).Assembly.Location, "--node-setting", "--A=1", "--node-setting", "--B=2",
        ]);
        options.Nodes.ShouldBe(5);
        options.Length.ShouldBe(TimeSpan.FromSeconds(30));
        options.Seed.ShouldBe(42UL);
        options.Faults.Select(static kind => kind.Name).ShouldBe(["pause", "pause-all"]);
        options.Workload.ShouldBe(Workload.WorkloadKind.Hot);
        options.Rate.ShouldBe(70);
        options.NodeArguments.ShouldBe(["--A=1", "--B=2"]);
    }

    [Theory]
    [InlineData("--seed", "x")]
    [InlineData("--seconds", "0")]
    [InlineData("--seconds")]
    [InlineData("--workload", "3")]
    [InlineData("--faults", "earthquake")]
    [InlineData("--earthquake")]
    [InlineData("--target", "somebody")]
    [InlineData("--node", "/no/such/file.dll")]
    [InlineData("--other-node", "/no/such/file.dll")]
    public void What_can_t_be_understood_is_named(params string[] arguments) =>
        Should.Throw<FormatException>(() => ChaosOptions.Parse(arguments)).Message.ShouldContain(arguments[^1]);
}
