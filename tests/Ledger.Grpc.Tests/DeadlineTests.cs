using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>How long the ledger is given.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task Without_a_deadline_the_default_less_the_margin()
    {
        await using var host = await GrpcHost.StartAsync();
        await PostAsync(host, null);
        host.Ledger.Calls.ShouldHaveSingleItem().Timeout.ShouldBe(TimeSpan.FromMilliseconds(9900));
    }

    [Fact]
    public async Task With_a_deadline_what_remains_of_it_less_the_margin()
    {
        await using var host = await GrpcHost.StartAsync();
        await PostAsync(host, TimeSpan.FromSeconds(30));
        host.Ledger.Calls.ShouldHaveSingleItem().Timeout!.Value.ShouldBeInRange(
            TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(29_900));
    }

    [Fact]
    public async Task A_far_deadline_is_cut()
    {
        await using var host = await GrpcHost.StartAsync(o => o.MaxDeadline = TimeSpan.FromSeconds(20));
        await PostAsync(host, TimeSpan.FromHours(1));
        host.Ledger.Calls.ShouldHaveSingleItem().Timeout.ShouldBe(TimeSpan.FromSeconds(20));
    }

    private static async Task PostAsync(GrpcHost host, TimeSpan? deadline) => await host.Transfers.PostTransferAsync(
        new PostTransferRequest { Transfer = Samples.Transfer() },
        deadline: deadline is { } d ? TimeProvider.System.GetUtcNow().UtcDateTime + d : null);
}
