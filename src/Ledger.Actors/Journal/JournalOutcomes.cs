using System.Diagnostics;

namespace Ledger.Actors.Journal;

/// <summary>How one way of using the journal fares, as the accounts see it. Thread-safe; a success after a success
/// costs a read.
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
    public Exception? Cause =>
        Volatile.Read(ref failures) > 0 && Stopwatch.GetElapsedTime(Volatile.Read(ref last)) < s_memory
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
