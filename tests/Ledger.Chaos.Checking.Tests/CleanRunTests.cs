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

    [Theory]
    [InlineData("attack:", Verdict.Clean)]
    [InlineData("attack:o", Verdict.Violated)]
    public async Task Of_accounts_that_others_use_nothing_is_said_and_of_no_further_ones(
        string prefix, Verdict expected)
    {
        await using var run = await RecordedRun.StartAsync();
        await run.OpenAsync("a");
        await run.OpenAsync("attacks");

        // By somebody whose calls are on no record.
        AccountAddress[] others = [AccountAddress.Parse("attack:own"), AccountAddress.Parse("attack:victim")];
        await run.Ledger.OpenAccountsAsync(
            [.. others.Select(static one => new AccountSpec(one, Asset.Parse("USD/2"), 1))]);
        var moved = await run.Ledger.PostTransferAsync(new Transfer(
            TransferId.FromGuid(Guid.CreateVersion7()), others[0], others[1], Amount.Of(5), 1)
        {
            Asset = Asset.Parse("USD/2"),
        });
        moved.Status.ShouldBe(TransferStatus.Created);
        await run.FinishAsync();
        await run.StopAsync();

        var history = run.History();
        history[0] = ((RunRecord)history[0]) with { Others = [prefix] };
        var report = await run.CheckAsync(history);
        report.Verdict.ShouldBe(expected, Text(report));
    }

    internal static string Text(CheckReport report)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        report.Write(writer);
        return writer.ToString();
    }
}
