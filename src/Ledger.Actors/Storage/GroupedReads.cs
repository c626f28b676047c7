using System.Collections.Concurrent;

namespace Ledger.Actors.Storage;

/// <summary>Reads that are answered in groups: while as many groups are being read as are allowed, whoever asks waits, and the next
/// group is all who wait. So one that asks alone waits for nobody, and when thousands of accounts wake at once a statement serves many of
/// them. Thread-safe; has no threads of its own, and nothing to end.</summary>
/// <param name="groupsMax">How many groups may be read at once.</param>
/// <param name="groupMax">How many questions one group holds.</param>
/// <param name="timeout">How long a group may be read.</param>
/// <param name="read">Answers a group: an answer for each question, in their order.</param>
/// <param name="mayBeOfOne">Whether a failure of a group may be due to one of its questions. Then each is asked again alone, so that
/// one account that can't be read keeps no other from being read. Of any other failure all of the group are told.</param>
internal sealed class GroupedReads<TQuestion, TAnswer>(
    int groupsMax, int groupMax, TimeSpan timeout,
    Func<IReadOnlyList<TQuestion>, CancellationToken, Task<IReadOnlyList<TAnswer>>> read, Func<Exception, bool> mayBeOfOne)
{
    private readonly ConcurrentQueue<Waiting> _waiting = new();
    private int _groups;

    /// <summary>Asks.</summary>
    /// <param name="question">The question.</param>
    /// <param name="cancellationToken">Ends the wait of this question. A group that is being read goes on for the others.</param>
    public Task<TAnswer> AskAsync(TQuestion question, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiting = new Waiting(question, cancellationToken);
        _waiting.Enqueue(waiting);
        if (TryBegin())
        {
            _ = Task.Run(ReadAsync, CancellationToken.None);
        }

        return waiting.Answer.Task.WaitAsync(cancellationToken);
    }

    private bool TryBegin()
    {
        while (Volatile.Read(ref _groups) is var groups && groups < groupsMax)
        {
            if (Interlocked.CompareExchange(ref _groups, groups + 1, groups) == groups)
            {
                return true;
            }
        }

        return false;
    }

    private async Task ReadAsync()
    {
        var group = new List<Waiting>();
        do
        {
            while (Fill(group))
            {
                await AnswerAsync(group).ConfigureAwait(false);
                group.Clear();
            }

            Interlocked.Decrement(ref _groups);

            // Whoever came after the last look and before that found no place for a group of his own.
        }
        while (!_waiting.IsEmpty && TryBegin());
    }

    private bool Fill(List<Waiting> group)
    {
        while (group.Count < groupMax && _waiting.TryDequeue(out var waiting))
        {
            // Who does not wait any more is not read for.
            if (!waiting.CancellationToken.IsCancellationRequested)
            {
                group.Add(waiting);
            }
        }

        return group.Count > 0;
    }

    private async Task AnswerAsync(List<Waiting> group)
    {
        try
        {
            // Whoever asks alone may break it off himself.
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(
                group is [var only] ? only.CancellationToken : CancellationToken.None);
            patience.CancelAfter(timeout);
            var answers = await read(group.ConvertAll(static waiting => waiting.Question), patience.Token).ConfigureAwait(false);
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Answer.SetResult(answers[i]);
            }
        }
        catch (Exception e) when (group.Count > 1 && mayBeOfOne(e))
        {
            await Task.WhenAll(group.ConvertAll(waiting => AnswerAsync([waiting]))).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            foreach (var waiting in group)
            {
                waiting.Answer.TrySetException(e);

                // Its asker may have left.
                _ = waiting.Answer.Task.Exception;
            }
        }
    }

    private sealed class Waiting(TQuestion question, CancellationToken cancellationToken)
    {
        public TQuestion Question { get; } = question;

        public CancellationToken CancellationToken { get; } = cancellationToken;

        // What follows upon an answer must not hold up the others.
        public TaskCompletionSource<TAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
