using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.Management.Cluster.Bootstrap;
using Akka.Management.Cluster.Bootstrap.ContactPoint;
using Akka.Management.Dsl;
using Newtonsoft.Json;

namespace Ledger.Node;

/// <summary>Has this node found a cluster, or join one, together with the other contact points: each asks each of the
/// others what it knows, and when a majority has answered and knows of no cluster, the one with the lowest address
/// founds it.</summary>
/// <remarks>What they ask is served beside JSON and health, instead of on a port of Akka.Management's own.</remarks>
internal sealed class ContactPoint(
    IServiceProvider services, NodeSettings settings, IHostApplicationLifetime lifetime, ILogger<ContactPoint> logger)
    : IHostedService
{
    private const int MembersMax = 5;

    /// <summary>The path that the others ask at; Akka.Management's.</summary>
    public const string Path = "/bootstrap/seed-nodes";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Once the others can ask this node.
        lifetime.ApplicationStarted.Register(() => _ = JoinAsync());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What this node tells the others: itself, and members that can be joined.</summary>
    public static string Describe(ActorSystem system)
    {
        var cluster = Cluster.Get(system);
        var state = cluster.State;
        var joinable = cluster.SelfMember.Status is MemberStatus.Up or MemberStatus.Joining or MemberStatus.WeaklyUp
            ? state.Members
                .Where(member => !state.Unreachable.Contains(member)
                    && member.Status is MemberStatus.Up or MemberStatus.Joining or MemberStatus.WeaklyUp)
                .OrderBy(static member => member.Status == MemberStatus.Up ? 0 : 1)
                .Take(MembersMax)
                .Select(static member => new HttpBootstrapJsonProtocol.ClusterMember(
                    member.UniqueAddress.Address, member.UniqueAddress.Uid, member.Status, member.Roles))
            : [];
        return JsonConvert.SerializeObject(
            new HttpBootstrapJsonProtocol.SeedNodes(cluster.SelfAddress, joinable.ToImmutableList()));
    }

    private async Task JoinAsync()
    {
        try
        {
            var bootstrap = ClusterBootstrap.Get(services.GetRequiredService<ActorSystem>());

            // What it answers is not used; it is the way to tell it by which address the others know this node.
            bootstrap.Routes(ManagementRouteProviderSettings.Create(
                new Uri($"http://{settings.Cluster.OwnContactPoint(settings.HttpEndpoint.Url)}"), readOnly: true));
            await bootstrap.Start();
        }
        catch (Exception e) when (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The time to join runs out, and the node ends.
            logger.LogCritical(e, "The cluster can't be found by contact points");
        }
    }
}
