using System.Net;
using Akka.Actor;
using Akka.Cluster;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node;

/// <summary>Keeps the port of gRPC closed until the node is ready, in a cluster: a port that refuses connections is
/// what every client understands and goes elsewhere for, while a call that is accepted would have to wait until the
/// node has joined. JSON and health are served before, so that it can be seen what the node waits for.</summary>
/// <remarks>The port is taken at the start, so that one that is in use is found then.</remarks>
internal sealed partial class ReadinessGate(
    IServiceProvider services, IHostApplicationLifetime lifetime, ILogger<ReadinessGate> logger) : IHostedService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    private readonly TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<EndPoint, bool> concerns = static _ => false;

    /// <summary>Ends when the port may be opened.</summary>
    public Task Opened => opened.Task;

    /// <summary>Says which endpoints open late.</summary>
    public void Choose(Func<EndPoint, bool> which) => concerns = which;

    public bool Concerns(EndPoint endpoint) => concerns(endpoint);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() => _ = OpenWhenReadyAsync());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task OpenWhenReadyAsync()
    {
        var health = services.GetRequiredService<HealthCheckService>();
        var cluster = Cluster.Get(services.GetRequiredService<ActorSystem>());
        try
        {
            // Known without asking anybody.
            while (cluster.SelfMember.Status != MemberStatus.Up)
            {
                await Task.Delay(LookEvery, lifetime.ApplicationStopping);
            }

            HealthReport report;
            do
            {
                await Task.Delay(LookEvery, lifetime.ApplicationStopping);
                report = await health.CheckHealthAsync(
                    static check => check.Tags.Contains(LedgerGrpcExtensions.ReadyTag), lifetime.ApplicationStopping);
            }
            while (report.Status == HealthStatus.Unhealthy);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return; // Told to stop before it was ready.
        }

        LogReady(logger);
        opened.TrySetResult();
    }

    /// <summary>Says that calls are served.</summary>
    [LoggerMessage(1, LogLevel.Information, "Ready: the node serves calls")]
    public static partial void LogReady(ILogger logger);
}
