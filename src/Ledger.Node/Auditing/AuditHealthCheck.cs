using Ledger.Audit;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Node.Auditing;

/// <summary>Whether the audit log is written, and was found as it was left.</summary>
internal sealed class AuditHealthCheck(AuditLog log) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        log.Problem is { } problem
            ? new HealthCheckResult(context.Registration.FailureStatus, problem)
            : HealthCheckResult.Healthy($"{log.Written} records written, {log.Dropped} thrown away."));
}
