using System.Diagnostics;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>The calls of one caller that a node works on, and those that wait until it is their turn.
/// Thread-safe.</summary>
internal sealed class CallerTurns
{
    // Half of those that the ledger works on at once: whoever asks for long pages all the time leaves room for others.
    private const int LongReadsMax = 4;

    // A client that is refused pauses. One that has all the calls that it may have refused again and again does not.
    private const int RefusalsMax = 20_000;
    private static readonly TimeSpan s_refusalsWithin = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly TurnQueue turns = new(int.MaxValue);
    private readonly TurnQueue longReads = new(LongReadsMax);
    private int open;
    private long lastUsed = Stopwatch.GetTimestamp();
    private int refused;
    private long refusedSince = Stopwatch.GetTimestamp();
    private bool isForgotten;

    /// <summary>How many it has lately had, at work or waiting; of whoever looks.</summary>
    public double Load { get; set; }

    /// <summary>How many are at work.</summary>
    public int Working => turns.Working;

    /// <summary>How many there are, at work or waiting.</summary>
    public int Wanted => turns.Wanted;

    /// <summary>How many wait.</summary>
    public int Waiting => turns.Waiting + longReads.Waiting;

    /// <summary>Counts a call that begins.</summary>
    /// <param name="max">How many it may have.</param>
    /// <param name="weight">As how many it counts.</param>
    /// <returns>False where nobody knows of this object any more, so that another one must be taken.</returns>
    /// <exception cref="RequestErrorException">It has as many as it may.</exception>
    public bool TryOpen(int max, int weight)
    {
        lock (gate)
        {
            if (isForgotten)
            {
                return false;
            }

            lastUsed = Stopwatch.GetTimestamp();
            if (open + weight <= max)
            {
                open += weight;
                return true;
            }

            if (Stopwatch.GetElapsedTime(refusedSince) > s_refusalsWithin)
            {
                (refused, refusedSince) = (0, lastUsed);
            }

            refused++;
        }

        throw CallCounts.TooMany(max, "of one caller").Exception();
    }

    /// <summary>Whether so many of its calls were refused of late that it can't mean well.</summary>
    public bool IsRefusedTooOften
    {
        get
        {
            lock (gate)
            {
                return refused > RefusalsMax && Stopwatch.GetElapsedTime(refusedSince) <= s_refusalsWithin;
            }
        }
    }

    /// <summary>Ends a call.</summary>
    /// <param name="weight">As it was opened.</param>
    public void Close(int weight)
    {
        lock (gate)
        {
            open -= weight;
        }
    }

    /// <summary>Waits for the turn of a call, or of an item of a stream: in the order in which they came.</summary>
    /// <param name="isLong">Whether it reads a page, of which a caller has only so many at once.</param>
    /// <param name="patience">For how long; null for as long as it takes.</param>
    /// <param name="cancellationToken">Nobody waits for the call any more.</param>
    /// <exception cref="OperationCanceledException">Nobody waits any more: it has no turn, and none to
    /// leave.</exception>
    /// <exception cref="RequestErrorException">The patience has ended: it has no turn, and none to leave.</exception>
    public ValueTask EnterAsync(bool isLong, TimeSpan? patience, CancellationToken cancellationToken) => isLong
        ? EnterLongAsync(patience, cancellationToken)
        : turns.EnterAsync(patience, cancellationToken);

    /// <summary>Ends a turn.</summary>
    /// <param name="isLong">As it was entered.</param>
    public void Leave(bool isLong)
    {
        turns.Leave();
        if (isLong)
        {
            longReads.Leave();
        }
    }

    /// <summary>Says how many may be at work from now on.</summary>
    public void Limit(int max) => turns.Limit(max);

    /// <summary>Has nobody use this object any more, where nobody has for some time.</summary>
    public bool TryForget(TimeSpan idle)
    {
        lock (gate)
        {
            return isForgotten = open == 0 && turns.Wanted == 0 && Stopwatch.GetElapsedTime(lastUsed) > idle;
        }
    }

    private async ValueTask EnterLongAsync(TimeSpan? patience, CancellationToken cancellationToken)
    {
        // First: whoever waits for a page holds no turn.
        var started = Stopwatch.GetTimestamp();
        await longReads.EnterAsync(patience, cancellationToken);
        try
        {
            await turns.EnterAsync(patience - Stopwatch.GetElapsedTime(started), cancellationToken);
        }
        catch
        {
            longReads.Leave();
            throw;
        }
    }
}
