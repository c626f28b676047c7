using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Timing;

/// <summary>Healthy means: this node knows the ledger's time.</summary>
internal sealed class ClockHealthCheck(ActorSystem system) : IHealthCheck
{
    private const int NamedMax = 5;

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var ledger = LedgerExtension.Of(system);
        var (clock, ahead) = (ledger.Clock, ledger.Context.Ahead);
        if (clock.Error is var error && error > LedgerClock.ErrorMax)
        {
            return Task.FromResult(new HealthCheckResult(
                context.Registration.FailureStatus,
                $"The ledger's time may be wrong by {(long)error.TotalMilliseconds} ms here; "
                + $"{(long)LedgerClock.ErrorMax.TotalMilliseconds} ms are allowed. The node waits for a sample of the "
                + "database's clock that does not take long, or for the others to come near."));
        }

        var problems = new List<string>();
        if (clock.Problem is { } problem)
        {
            problems.Add(problem);
        }

        if (ahead.Accounts is { Count: > 0 } accounts)
        {
            problems.Add(
                $"{accounts.Count} accounts have rows of the future, after a clock was wrong: they work on by the "
                + $"ledger's time. Among them: {string.Join(", ", accounts.Take(NamedMax))}.");
        }

        if (ahead.HasDroppedLately)
        {
            problems.Add(
                "Messages of another node are from more than a second ahead, and are not taken: its clock or this "
                    + "one's is wrong.");
        }

        return Task.FromResult(problems.Count > 0
            ? HealthCheckResult.Degraded(string.Join(" ", problems))
            : HealthCheckResult.Healthy($"The ledger's time is known within {error.TotalMilliseconds:0} ms."));
    }
}
