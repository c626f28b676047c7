using System.Globalization;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>Runs without a fault of the ledger's are clean, whatever crashes in them: random workloads of several
/// clients on a ledger in this process, which is killed in the middle some times.</summary>
public class CleanRunTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 3)]
    [InlineData(3, 6)]
    public async Task A_random_run_is_clean(int seed, int crashes)
    {
        await using var run = await RecordedRun.StartAsync(options =>
        {
            options.SnapshotEvery = 20;
            options.PassivateAfter = TimeSpan.FromSeconds(1);
            options.CommitRecordDelay = TimeSpan.FromMilliseconds(seed == 3 ? 600 : 100);
        });
        await Workload.RunAsync(run, seed, clients: 6, calls: 250, crashes);
        await run.FinishAsync();
        await run.StopAsync();

        var report = await run.CheckAsync();
        report.Verdict.ShouldBe(Verdict.Clean, Text(report));
        run.Calls.Count(static call => call.Outcome == CallOutcome.Ok).ShouldBeGreaterThan(500);
        if (crashes > 0)
        {
            run.Calls.ShouldContain(static call => call.Outcome == CallOutcome.Unknown);
        }
    }

    internal static string Text(CheckReport report)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        report.Write(writer);
        return writer.ToString();
    }
}
