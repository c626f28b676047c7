using Akka.Actor;
using Akka.Pattern;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Journal;

/// <summary>Whether the accounts of this node can be written and read, whether the journal's circuit breaker keeps them
/// from trying, and how many of them wait until they try again.</summary>
internal sealed class JournalHealthCheck(ActorSystem system) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var ledger = LedgerExtension.Of(system);
        var accounts = ledger.Context;
        var waiting = accounts.Recoveries.Count;
        string[] problems =
        [
            .. Describe("writes", accounts.Writes),
            .. Describe("reads", accounts.Recoveries.Reads),
            .. waiting > 0 ? [$"{waiting} accounts could not be read, and are tried again."] : (string[])[],
        ];
        var index = accounts.Reader.Repairs?.Problem;
        var lookups = accounts.Reader.Lookups;
        return Task.FromResult(problems.Length == 0
            ? index is null
                ? HealthCheckResult.Healthy(
                    $"The journal of ledger {ledger.Identity} confirms writes and answers reads."
                    + $" For ids that memory does not answer for it was asked {lookups.Ids} times,"
                    + $" and read {lookups.Rows} rows."
                    + (accounts.Snapshots.TooLarge is var tooLarge and > 0
                        ? $" {tooLarge} snapshots were too long to be written, and their accounts wake slowly: the "
                            + "log names them."
                        : string.Empty))
                : HealthCheckResult.Degraded(index)
            : new HealthCheckResult(context.Registration.FailureStatus, string.Join(' ', problems)));
    }

    internal static IEnumerable<string> Describe(string what, JournalOutcomes watch)
    {
        if (watch.Cause is not { } cause)
        {
            yield break;
        }

        yield return $"The journal has failed {watch.Failures} {what} in {(long)watch.Since.TotalSeconds} s, and none "
            + $"has succeeded since: {cause.Message.Split('\n')[0].Trim()}";
        if (cause is OpenCircuitException)
        {
            yield return "The circuit breaker is open: they are refused untried, for two seconds at a time.";
        }
    }
}
