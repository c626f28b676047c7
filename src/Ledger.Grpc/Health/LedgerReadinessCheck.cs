using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc.Health;

/// <summary>Ready means: this node is not stopping, and the ledger answers.</summary>
/// <remarks>
/// It asks for accounts that need not exist, which goes through routing and an account. One answer is enough: in a
/// cluster an account may just then live on a node that has died, and that says nothing about this one. An account that
/// is awake answers from memory, so the journal is asked too, for the accounts after the last one, of which there are
/// none.
/// </remarks>
internal sealed class LedgerReadinessCheck(
    ILedger ledger, IHostApplicationLifetime lifetime, IOptions<LedgerGrpcOptions> options) : IHealthCheck
{
    // Beyond every address: they hold no such character.
    private const string AfterTheLast = "~";

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
                await ledger.ListAccountsAsync(AfterTheLast, 1, options.Value.ReadinessTimeout, cancellationToken);
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
