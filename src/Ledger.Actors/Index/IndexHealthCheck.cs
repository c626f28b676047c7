using System.Globalization;
using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Index;

/// <summary>Healthy means: the index of transfers and accounts follows the journal, or is off. A node whose index lags
/// serves all other calls the same.</summary>
internal sealed class IndexHealthCheck(ActorSystem system) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var ledger = LedgerExtension.Of(system);
        if (ledger.Indexer is not { } indexer)
        {
            return Task.FromResult(
                HealthCheckResult.Healthy("The index of transfers and accounts is off on this node."));
        }

        var (lag, now) = (indexer.Lag, indexer.Status);
        var behind = string.Create(CultureInfo.InvariantCulture, $"{lag.TotalSeconds:0.0} s");
        var problem = now switch
        {
            { Failure: { } failure } => $"The index of transfers and accounts can't be kept: {failure}",
            _ when lag > ledger.Options.Index.LagMax =>
                $"The index of transfers and accounts lags by {behind}; searches are refused until it has caught up.",
            _ => null,
        };
        var who = now.IsFolding ? "this node keeps it" : "another node keeps it";
        return Task.FromResult(problem is null
            ? HealthCheckResult.Healthy($"The index of transfers and accounts lags by {behind}; {who}.")
            : new HealthCheckResult(context.Registration.FailureStatus, problem));
    }
}
