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

    [Fact]
    public void Attacks_last_ten_seconds_unless_it_is_said_otherwise()
    {
        string[] node = ["--node", typeof(OptionsTests).Assembly.Location];
        var options = ChaosOptions.Parse(
            ["--attack", "gzip,reads", "--callers", "key", "--untimed", "--depth", "5", .. node]);
        options.Mode.ShouldBe(ChaosMode.Attack);
        options.Attacks.Select(static kind => kind.Name).ShouldBe(["gzip", "reads"]);
        (options.Length, options.IsTimed, options.Depth, options.IsCluster)
            .ShouldBe((TimeSpan.FromSeconds(10), false, 5, false));
        options.Callers.ShouldBe([true]);
        options = ChaosOptions.Parse(["--seconds", "3", "--cluster", "--attack", "all", .. node]);
        (options.Length, options.IsTimed, options.IsCluster).ShouldBe((TimeSpan.FromSeconds(3), true, true));
        options.Callers.ShouldBe([false, true]);
    }

    [Theory]
    [InlineData("--attack", "earthquake")]
    [InlineData("--callers", "somebody")]
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
