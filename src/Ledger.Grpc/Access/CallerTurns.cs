using System.Diagnostics;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>The calls of one caller that a node works on, and those that wait until it is their turn.
/// Thread-safe.</summary>
internal sealed class CallerTurns
{
    private readonly Lock gate = new();
    private readonly Queue<TaskCompletionSource> waiting = new();
    private int limit = int.MaxValue;
    private int working;
    private int open;
    private long lastUsed = Stopwatch.GetTimestamp();
    private bool isForgotten;

    /// <summary>How many it has lately had, at work or waiting; of whoever looks.</summary>
    public double Load { get; set; }

    /// <summary>How many are at work.</summary>
    public int Working => Volatile.Read(ref working);

    /// <summary>How many there are, at work or waiting.</summary>
    public int Wanted
    {
        get
        {
            lock (gate)
            {
                return working + waiting.Count;
            }
        }
    }

    /// <summary>Counts a call that begins.</summary>
    /// <param name="max">How many it may have.</param>
    /// <returns>False where nobody knows of this object any more, so that another one must be taken.</returns>
    /// <exception cref="RequestErrorException">It has as many as it may.</exception>
    public bool TryOpen(int max)
    {
        lock (gate)
        {
            if (isForgotten)
            {
                return false;
            }

            lastUsed = Stopwatch.GetTimestamp();
            return open < max ? ++open > 0 : throw CallTurns.TooMany(max, "of one caller").Exception();
        }
    }

    /// <summary>Ends a call.</summary>
    public void Close()
    {
        lock (gate)
        {
            open--;
        }
    }

    /// <summary>Waits for the turn of a call, or of an item of a stream: in the order in which they came.</summary>
    public ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (gate)
        {
            if (working < limit && waiting.Count == 0)
            {
                working++;
                return ValueTask.CompletedTask;
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Enqueue(turn);
        }

        return cancellationToken.CanBeCanceled ? WaitAsync(turn, cancellationToken) : new ValueTask(turn.Task);
    }

    /// <summary>Ends a turn.</summary>
    public void Leave()
    {
        lock (gate)
        {
            working--;
            LetIn();
        }
    }

    /// <summary>Says how many may be at work from now on.</summary>
    public void Limit(int max)
    {
        lock (gate)
        {
            limit = max;
            LetIn();
        }
    }

    /// <summary>Has nobody use this object any more, where nobody has for some time.</summary>
    public bool TryForget(TimeSpan idle)
    {
        lock (gate)
        {
            return isForgotten = open == 0 && working == 0 && waiting.Count == 0
                && Stopwatch.GetElapsedTime(lastUsed) > idle;
        }
    }

    private static async ValueTask WaitAsync(TaskCompletionSource turn, CancellationToken cancellationToken)
    {
        // Whoever is gone is passed over when its turn comes. One that has had its turn keeps it.
        using var gone = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn);
        await turn.Task;
    }

    private void LetIn()
    {
        while (working < limit && waiting.TryDequeue(out var next))
        {
            if (next.TrySetResult())
            {
                working++;
            }
        }
    }
}
