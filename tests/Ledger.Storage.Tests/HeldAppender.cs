using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>Keeps rows in memory, one group at a time, as the test says.</summary>
internal sealed class HeldAppender : IJournalAppender
{
    private readonly Lock _gate = new();
    private readonly List<string[]> _stored = [];
    private TaskCompletionSource? _hold;
    private TaskCompletionSource _began = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Streams whose rows the database refuses.</summary>
    public HashSet<string> Refused { get; } = [];

    /// <summary>Called before rows are stored, to throw or to do something meanwhile.</summary>
    public Action<string[]>? Before { get; set; }

    /// <summary>Called when they are stored, and not acknowledged yet.</summary>
    public Action<string[]>? After { get; set; }

    /// <summary>The streams of the rows of each transaction that was stored.</summary>
    public IReadOnlyList<string[]> Stored
    {
        get
        {
            lock (_gate)
            {
                return [.. _stored];
            }
        }
    }

    /// <summary>Has the next append wait.</summary>
    /// <returns>Ends when it has begun.</returns>
    public Task HoldNext()
    {
        lock (_gate)
        {
            _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _began.Task;
        }
    }

    /// <summary>Lets it go on.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _hold!.TrySetResult();
            _hold = null;
        }
    }

    public async Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating)
    {
        Task? hold;
        lock (_gate)
        {
            hold = _hold?.Task;
            _began.TrySetResult();
        }

        if (hold is not null)
        {
            await hold;
        }

        string[] streams = [.. rows.Select(static row => row.PersistenceId)];
        Before?.Invoke(streams);
        if (streams.Any(Refused.Contains))
        {
            throw new RefusedException();
        }

        lock (_gate)
        {
            _stored.Add(streams);
        }

        After?.Invoke(streams);
    }

    public AppendFault Classify(Exception exception) =>
        exception is RefusedException ? AppendFault.Refused : AppendFault.Unknown;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class RefusedException : Exception;
}
