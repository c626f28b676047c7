using Ledger.Actors;
using Ledger.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc.Health;

/// <summary>Ready means: this node is not stopping, and the ledger answers.</summary>
/// <remarks>
/// It asks for accounts that need not exist, which goes through routing, an account and the journal. One answer is
/// enough: in a cluster an account may just then live on a node that has died, and that says nothing about this one.
/// </remarks>
internal sealed class LedgerReadinessCheck(
    ILedger ledger, IHostApplicationLifetime lifetime, IOptions<LedgerGrpcOptions> options) : IHealthCheck
{
    private static readonly AccountAddress[] Probes =
    [
        AccountAddress.Parse("ledger:readiness:1"),
        AccountAddress.Parse("ledger:readiness:2"),
        AccountAddress.Parse("ledger:readiness:3"),
    ];

    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "The node is stopping.");
        }

        Exception? failure = null;
        foreach (var probe in Probes)
        {
            try
            {
                await ledger.GetAccountAsync(probe, options.Value.ReadinessTimeout, cancellationToken);
                return HealthCheckResult.Healthy("The ledger answers.");
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                failure = exception;
            }
        }

        return new HealthCheckResult(context.Registration.FailureStatus, "The ledger does not answer.", failure);
    }
}
