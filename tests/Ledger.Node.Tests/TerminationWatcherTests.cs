using Akka.Actor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Node.Tests;

/// <summary>Whether the end of the actor system, or that of the host, came first.</summary>
public sealed class TerminationWatcherTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_an_actor_system_that_ends_by_itself_is_a_failure(bool byItself)
    {
        var system = ActorSystem.Create("watched");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(system);
        builder.Services.AddSingleton<TerminationWatcher>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<TerminationWatcher>());
        using var host = builder.Build();
        var watch = host.Services.GetRequiredService<TerminationWatcher>();
        await host.StartAsync();
        if (!byItself)
        {
            host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        }

        await system.Terminate();
        await host.WaitForShutdownAsync().WaitAsync(TimeSpan.FromSeconds(20));
        watch.HasFailed.ShouldBe(byItself);
    }
}
