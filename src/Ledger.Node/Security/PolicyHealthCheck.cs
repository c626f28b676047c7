using Ledger.Access;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node.Security;

/// <summary>Whether the policy that is in force is the one in the file.</summary>
internal sealed class PolicyHealthCheck(AccessPolicyFile policy) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        policy.Problem is { } problem
            ? new HealthCheckResult(
                context.Registration.FailureStatus, $"The policy before its last change is in force. {problem}")
            : HealthCheckResult.Healthy());
}
