using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Access;

/// <summary>Those that are at work, and those that wait until it is their turn. Thread-safe.</summary>
/// <param name="limit">How many may be at work.</param>
internal sealed class TurnQueue(int limit)
{
    // A timer takes no longer one.
    private static readonly TimeSpan s_patienceMax = TimeSpan.FromDays(40);

    private readonly Lock gate = new();
    private readonly LinkedList<TaskCompletionSource> waiting = [];
    private int limit = limit;
    private int working;

    /// <summary>How many are at work.</summary>
    public int Working => Volatile.Read(ref working);

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
            {
                return waiting.Count;
            }
        }
    }

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

    /// <summary>Waits for a turn, in the order in which they came.</summary>
    /// <param name="patience">For how long; null for as long as it takes.</param>
    /// <param name="cancellationToken">Nobody waits for the call any more.</param>
    /// <exception cref="OperationCanceledException">Nobody waits any more: it has no turn, and none to
    /// leave.</exception>
    /// <exception cref="RequestErrorException">The patience has ended: it has no turn, and none to leave.</exception>
    public ValueTask EnterAsync(TimeSpan? patience, CancellationToken cancellationToken)
    {
        LinkedListNode<TaskCompletionSource> turn;
        lock (gate)
        {
            if (working < limit && waiting.Count == 0)
            {
                working++;
                return ValueTask.CompletedTask;
            }

            turn = waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        return WaitAsync(turn, patience, cancellationToken);
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

    private async ValueTask WaitAsync(
        LinkedListNode<TaskCompletionSource> turn, TimeSpan? patience, CancellationToken cancellationToken)
    {
        try
        {
            var wait = patience is not { } some || some > s_patienceMax ? Timeout.InfiniteTimeSpan
                : some > TimeSpan.Zero ? some : TimeSpan.Zero;
            await turn.Value.Task.WaitAsync(wait, cancellationToken);
        }
        catch (Exception failure)
        {
            lock (gate)
            {
                if (turn.List is not null)
                {
                    waiting.Remove(turn);
                }
                else
                {
                    // It was let in at the same moment.
                    working--;
                    LetIn();
                }
            }

            if (failure is TimeoutException)
            {
                throw CallDeadline.Expired.Exception();
            }

            throw;
        }
    }

    private void LetIn()
    {
        while (working < limit && waiting.First is { } next)
        {
            waiting.RemoveFirst();
            working++;
            next.Value.SetResult();
        }
    }
}
