using Akka.Actor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Node.Tests;

/// <summary>Whether the end of the actor system, or that of the host, came first.</summary>
public sealed class ActorSystemWatchTests
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
        builder.Services.AddSingleton<ActorSystemWatch>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<ActorSystemWatch>());
        using var host = builder.Build();
        var watch = host.Services.GetRequiredService<ActorSystemWatch>();
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
