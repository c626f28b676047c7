using Ledger.Tests.Shared;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;

namespace Ledger.Node.Tests;

/// <summary>Health costs the same, however many ask for it.</summary>
public sealed class SharedHealthCheckTests
{
    private static readonly HealthCheckContext s_context = new();

    private readonly FakeTimeProvider clock = new();

    [Fact]
    public async Task However_many_ask_it_runs_once_at_a_time_and_its_result_is_good_for_a_moment()
    {
        var counted = new Counted { Release = new TaskCompletionSource() };
        var check = new SharedHealthCheck(counted, clock, CancellationToken.None);
        var asked = Enumerable.Range(0, 1_000).Select(_ => check.CheckHealthAsync(s_context)).ToArray();
        counted.Release.SetResult();
        (await Task.WhenAll(asked)).ShouldAllBe(static one => one.Status == HealthStatus.Healthy);
        counted.Runs.ShouldBe(1);

        clock.Advance(SharedHealthCheck.GoodFor - TimeSpan.FromMilliseconds(1));
        await check.CheckHealthAsync(s_context);
        counted.Runs.ShouldBe(1);

        counted.Status = HealthStatus.Unhealthy;
        clock.Advance(TimeSpan.FromMilliseconds(1));
        (await check.CheckHealthAsync(s_context)).Status.ShouldBe(HealthStatus.Unhealthy);
        counted.Runs.ShouldBe(2);
    }

    [Fact]
    public async Task Whoever_leaves_ends_it_for_nobody_else()
    {
        var counted = new Counted { Release = new TaskCompletionSource() };
        var check = new SharedHealthCheck(counted, clock, CancellationToken.None);
        using var leaves = new CancellationTokenSource();
        var first = check.CheckHealthAsync(s_context, leaves.Token);
        var second = check.CheckHealthAsync(s_context);
        await leaves.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        counted.Release.SetResult();
        (await second).Status.ShouldBe(HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_node_that_stops_is_asked_each_time_and_a_check_that_threw_is_asked_again()
    {
        using var stopping = new CancellationTokenSource();
        var counted = new Counted { Failure = new InvalidOperationException("x") };
        var check = new SharedHealthCheck(counted, clock, stopping.Token);
        await Should.ThrowAsync<InvalidOperationException>(() => check.CheckHealthAsync(s_context));
        counted.Failure = null;
        clock.Advance(SharedHealthCheck.GoodFor);
        (await check.CheckHealthAsync(s_context)).Status.ShouldBe(HealthStatus.Healthy);
        await stopping.CancelAsync();
        counted.Status = HealthStatus.Unhealthy;
        (await check.CheckHealthAsync(s_context)).Status.ShouldBe(HealthStatus.Unhealthy);
    }

    [Fact]
    public async Task A_check_that_does_not_end_is_left_alone_and_asked_anew()
    {
        var counted = new Counted { Release = new TaskCompletionSource() };
        var check = new SharedHealthCheck(counted, clock, CancellationToken.None);
        var stuck = check.CheckHealthAsync(s_context);
        await Until.TrueAsync(() => counted.Runs == 1);
        clock.Advance(TimeSpan.FromSeconds(29));
        _ = check.CheckHealthAsync(s_context);
        counted.Runs.ShouldBe(1);

        clock.Advance(TimeSpan.FromSeconds(1));
        _ = check.CheckHealthAsync(s_context);
        await Until.TrueAsync(() => counted.Runs == 2);
        stuck.IsCompleted.ShouldBeFalse();
    }

    private sealed class Counted : IHealthCheck
    {
        private int runs;

        public TaskCompletionSource? Release { get; init; }

        public HealthStatus Status { get; set; } = HealthStatus.Healthy;

        public Exception? Failure { get; set; }

        public int Runs => Volatile.Read(ref runs);

        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref runs);
            if (Release is { } release)
            {
                await release.Task;
            }

            return Failure is { } failure ? throw failure : new HealthCheckResult(Status);
        }
    }
}
