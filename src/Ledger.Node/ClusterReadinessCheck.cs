using Akka.Actor;
using Akka.Cluster;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node;

/// <summary>Ready means: this node is a member of the cluster, now, and sees a majority of the nodes that hold
/// accounts.</summary>
/// <remarks>The check that comes with Akka stays healthy for ever once the node has become a member.</remarks>
internal sealed class ClusterReadinessCheck(ActorSystem system) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var cluster = Cluster.Get(system);
        var state = cluster.State;
        var self = cluster.SelfMember.Status;
        var holders = state.Members.Where(static member => member.HasRole(NodeRoles.Ledger)).ToList();
        var seen = holders.Count(member => !state.Unreachable.Contains(member));
        var text = $"This node is {self}; {seen} of {holders.Count} nodes with accounts are seen.";
        return Task.FromResult(!cluster.IsTerminated && self == MemberStatus.Up && seen > holders.Count / 2
            ? HealthCheckResult.Healthy(text)
            : new HealthCheckResult(context.Registration.FailureStatus, text));
    }
}
