using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.HoldExpiry;

/// <summary>Healthy means: holds expire in time. A node whose hold expiry lags serves calls all the same.</summary>
internal sealed class HoldExpiryHealthCheck(ActorSystem system) : IHealthCheck
{
    // Six times what is promised: so long may a store be away that comes back by itself.
    private static readonly TimeSpan LagMax = TimeSpan.FromSeconds(30);

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var ledger = LedgerExtension.Of(system);
        var status = ledger.HoldExpiryHealth.Status;
        var now = ledger.Clock.Now;
        var problem = status switch
        {
            { Failure: not null } => "The hold index can't be read; holds expire late.",
            { OldestDue: { } due } when due.Add(LagMax) < now =>
                $"A hold is overdue by {(now.UnixMicroseconds - due.UnixMicroseconds) / 1_000_000} s; {status.Stuck} "
                    + "accounts do not answer.",
            _ when ledger.HoldExpiryHealth.UnreadableRows is var rows and > 0 =>
                $"{rows} rows of the journal can't be read by this version.",
            { HasRecovered: false } => "Still searching for what the last process left in doubt.",
            _ => null,
        };
        return Task.FromResult(problem is null
            ? HealthCheckResult.Healthy($"Holds are expiring on time ({status.Asked} in progress).")
            : new HealthCheckResult(context.Registration.FailureStatus, problem));
    }
}
