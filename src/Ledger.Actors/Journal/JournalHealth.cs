using System.Diagnostics;
using Akka.Actor;
using Akka.Pattern;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ledger.Actors.Journal;

/// <summary>How one way of using the journal fares, as the accounts see it. Thread-safe; a success after a success costs a read.
/// </summary>
internal sealed class JournalOutcomes
{
    // Nobody may be asking any more: what failed longer ago than this is no news of now.
    private static readonly TimeSpan s_memory = TimeSpan.FromSeconds(10);

    private long failures;
    private long first;
    private long last;
    private volatile Exception? cause;

    /// <summary>What failed last, if nothing has succeeded since and that was not long ago; else null.</summary>
    public Exception? Cause => Volatile.Read(ref failures) > 0 && Stopwatch.GetElapsedTime(Volatile.Read(ref last)) < s_memory
        ? cause : null;

    /// <summary>How many failures there were in a row.</summary>
    public long Failures => Volatile.Read(ref failures);

    /// <summary>How long ago the first of them was.</summary>
    public TimeSpan Since => Stopwatch.GetElapsedTime(Volatile.Read(ref first));

    public void Failed(Exception why)
    {
        cause = why;
        var now = Stopwatch.GetTimestamp();
        Volatile.Write(ref last, now);
        if (Volatile.Read(ref failures) == 0)
        {
            // Before the count, by which it is found; whichever of two at once it is.
            Volatile.Write(ref first, now);
        }

        Interlocked.Increment(ref failures);
    }

    public void Succeeded()
    {
        if (Volatile.Read(ref failures) != 0)
        {
            Volatile.Write(ref failures, 0);
        }
    }
}

/// <summary>Whether the accounts of this node can be written and read, whether the journal's circuit breaker keeps them from
/// trying, and how many of them wait until they try again.</summary>
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
                ? HealthCheckResult.Healthy($"The journal of ledger {ledger.Identity} confirms writes and answers reads."
                    + $" For ids that memory does not answer for it was asked {lookups.Ids} times,"
                    + $" and read {lookups.Rows} rows."
                    + (accounts.Snapshots.TooLarge is var tooLarge and > 0
                        ? $" {tooLarge} snapshots were too long to be written, and their accounts wake slowly: the log names them."
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

        yield return $"The journal has failed {watch.Failures} {what} in {(long)watch.Since.TotalSeconds} s, and none has succeeded since: "
            + $"{cause.Message.Split('\n')[0].Trim()}";
        if (cause is OpenCircuitException)
        {
            yield return "The circuit breaker is open: they are refused untried, for two seconds at a time.";
        }
    }
}
