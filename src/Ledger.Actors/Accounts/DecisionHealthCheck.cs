using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Accounts;

/// <summary>Healthy means: no decision of this node's accounts threw within the last ten minutes (R18).</summary>
internal sealed class DecisionHealthCheck(ActorSystem system) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var decisions = LedgerExtension.Of(system).Context.Decisions;
        return Task.FromResult(decisions.Recent is { } recent
            ? new HealthCheckResult(
                context.Registration.FailureStatus,
                $"{decisions.Count} decisions failed since the start, by a defect of the ledger; nothing was done. "
                + $"Report what the log has of it. The last: {recent}")
            : HealthCheckResult.Healthy("Accounts can decide what they are asked."));
    }
}
