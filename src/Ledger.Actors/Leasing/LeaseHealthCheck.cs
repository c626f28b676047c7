using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Leasing;

/// <summary>Healthy means: this node may speak for its accounts.</summary>
internal sealed class LeaseHealthCheck(ActorSystem system) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var lease = LedgerExtension.Of(system).Lease;
        return Task.FromResult(
            lease.IsGood ? HealthCheckResult.Healthy("The node's lease is good.")
            : !lease.IsEntered && lease.Halted is null
                && !lease.IsLost ? HealthCheckResult.Healthy("The node has no accounts yet, and needs no lease.")
            : new HealthCheckResult(
                context.Registration.FailureStatus,
                lease.Halted is { } loss && !lease.IsLost
                    ? $"HALTED: the database has lost rows that it had acknowledged. {loss} Nothing is answered until "
                        + "an operator begins a new epoch: Ledger.Node epoch begin --by NAME --reason TEXT"
                : lease.IsLost ? $"The node ends: {lease.Failure}"
                : lease.Age is { } age
                    ? $"The node's lease was last renewed {(long)age.TotalSeconds} s ago; accounts on this node do "
                        + "not answer until it is renewed."
                    : "The node's lease can't be entered yet; accounts on this node do not answer until it is."));
    }
}
