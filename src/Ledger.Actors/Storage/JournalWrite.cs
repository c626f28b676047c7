using System.Collections.Immutable;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>What one call of the journal has to store: mostly exactly one row.</summary>
/// <param name="cancellationToken">When its caller gives up.</param>
internal sealed class JournalWrite(CancellationToken cancellationToken)
{
    private readonly TaskCompletionSource<IImmutableList<Exception>> _end =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private List<AppendRow>? _others;

    public CancellationToken CancellationToken { get; } = cancellationToken;

    public AppendRow First { get; private set; }

    public int Rows { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>How many entries of the index of ids it brings.</summary>
    public int Ids { get; private set; }

    /// <summary>Its row, as others see it that rest on it or that it rests on (R8'); null where there are
    /// none.</summary>
    public WriteTicket? Ticket { get; private set; }

    /// <summary>The request that has led to it and is counted until it is with the writer (G10); null for
    /// none.</summary>
    public RowFollower? Follower { get; private set; }

    /// <summary>The group whose writer has it; 0 while none has.</summary>
    public long Group { get; set; }

    public Task<IImmutableList<Exception>> Task => _end.Task;

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="source">What it was made of; null for what is no row of an account.</param>
    public void Add(in AppendRow row, JournalRow? source)
    {
        if (Rows == 0)
        {
            First = row;
        }
        else
        {
            (_others ??= []).Add(row);
        }

        Rows++;
        Bytes += row.Message.Length;
        Ids += row.Entries?.Ids.Count ?? 0;
        Follower = source?.Follower ?? Follower;
        if (source?.Ticket is { } ticket)
        {
            Ticket = Ticket is null
                ? ticket
                : throw new ArgumentException($"{row.PersistenceId} sent a write of two rows that others rest on.");
        }
    }

    public void CopyTo(List<AppendRow> rows)
    {
        rows.Add(First);
        if (_others is not null)
        {
            rows.AddRange(_others);
        }
    }

    /// <summary>Says what has become of it: to those that rest on it before its own account is told (G1).</summary>
    /// <param name="failure">Why it is not known to be durable; null where the database has acknowledged it.</param>
    public void End(Exception? failure)
    {
        if (failure is null)
        {
            Ticket?.TryMakeDurable();

            // Null says "all written" without a list.
            _end.TrySetResult(null!);
            return;
        }

        Ticket?.TryFail();
        if (_end.TrySetException(failure))
        {
            // The caller may have given up: nobody else looks at it then.
            _ = _end.Task.Exception;
        }
    }
}
