using System.Collections.Concurrent;

namespace Ledger.Actors.Storage;

/// <summary>Reads that are answered in groups: while as many groups are being read as are allowed, whoever asks waits,
/// and the next group is all who wait. So one that asks alone waits for nobody, and when thousands of accounts wake at
/// once a statement serves many of them. Thread-safe; has no threads of its own, and nothing to end.</summary>
/// <remarks>One that can't be answered, or takes long, keeps nobody else from being answered. A group whose reading
/// fails for what may be one of its questions, or is not done by <see cref="ReadBatcherOptions.GroupPatience"/>, gives
/// its place up, and each of its questions is asked again alone, a few at a time. What fails alone, or takes long, is
/// not grouped with others for a while, but waits for one of a few places of its own. So the places of the groups are
/// for those that can be answered.</remarks>
/// <param name="options">The limits.</param>
/// <param name="read">Answers a group: an answer for each question, in their order.</param>
/// <param name="subjectOf">What a question is about, by which one that failed is known again.</param>
/// <param name="mayBeOfOne">Whether a failure of a group, other than by taking long, may be due to one of its
/// questions. Of any other failure all of the group are told.</param>
/// <param name="isTimeout">Whether a failure says that the source's own time was up.</param>
/// <param name="tookLong">Is told of a question that was read alone for long, and not answered before somebody's time
/// was up; null for nobody.</param>
internal sealed class ReadBatcher<TQuestion, TAnswer>(
    ReadBatcherOptions options,
    Func<IReadOnlyList<TQuestion>, CancellationToken, Task<IReadOnlyList<TAnswer>>> read,
    Func<TQuestion, string> subjectOf,
    Func<Exception, bool> mayBeOfOne,
    Func<Exception, bool> isTimeout,
    Action<TQuestion>? tookLong = null)
{
    private const int SuspectsMax = 10_000;

    private readonly ConcurrentQueue<Waiting> _waiting = new();
    private readonly ConcurrentDictionary<string, long> _suspects = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _againPlaces = new(options.AgainMax);
    private readonly SemaphoreSlim _suspectPlaces = new(options.SuspectsMax);
    private int _groups;

    /// <summary>Asks.</summary>
    /// <param name="question">The question.</param>
    /// <param name="cancellationToken">Ends the wait of this question. A group that is being read goes on for the
    /// others.</param>
    public Task<TAnswer> AskAsync(TQuestion question, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiting = new Waiting(question, cancellationToken);
        if (IsSuspect(question))
        {
            _ = Task.Run(() => AskAloneAsync(waiting), CancellationToken.None);
            return waiting.Answer.Task.WaitAsync(cancellationToken);
        }

        _waiting.Enqueue(waiting);
        if (TryBegin())
        {
            _ = Task.Run(ReadAsync, CancellationToken.None);
        }

        return waiting.Answer.Task.WaitAsync(cancellationToken);
    }

    private bool TryBegin()
    {
        while (Volatile.Read(ref _groups) is var groups && groups < options.GroupsMax)
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
        while (group.Count < options.GroupMax && _waiting.TryDequeue(out var waiting))
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
        // Whoever asks alone may break it off himself.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(
            group is [var only] ? only.CancellationToken : CancellationToken.None);
        patience.CancelAfter(options.GroupPatience);
        try
        {
            var answers = await read(group.ConvertAll(static waiting => waiting.Question), patience.Token)
                .ConfigureAwait(false);
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Answer.SetResult(answers[i]);
            }
        }
        catch (Exception e) when (!IsOver(group)
            && ((group.Count > 1 && mayBeOfOne(e)) || IsTooLong(e, patience.Token)))
        {
            // Not waited for: the place is free for the next group.
            if (group is [var alone])
            {
                Suspect(alone.Question);
                _ = AskAloneAsync(alone);
                return;
            }

            foreach (var waiting in group)
            {
                _ = AskAgainAsync(waiting);
            }
        }
        catch (Exception e)
        {
            if (group is [var failed] && mayBeOfOne(e))
            {
                Suspect(failed.Question);
            }

            foreach (var waiting in group)
            {
                waiting.Fail(e);
            }
        }
    }

    private static bool IsOver(List<Waiting> group) => group is [{ CancellationToken.IsCancellationRequested: true }];

    private bool IsTooLong(Exception failure, CancellationToken patience) =>
        isTimeout(failure) || patience.IsCancellationRequested;

    // Most of a group that failed are answered in no time; the one that it failed for must not keep them waiting.
    private async Task AskAgainAsync(Waiting waiting)
    {
        if (!await TryEnterAsync(_againPlaces, waiting).ConfigureAwait(false))
        {
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(waiting.CancellationToken);
        patience.CancelAfter(options.AgainPatience);
        try
        {
            var answers = await read([waiting.Question], patience.Token).ConfigureAwait(false);
            waiting.Answer.SetResult(answers[0]);
            return;
        }
        catch (Exception e)
        {
            if (waiting.CancellationToken.IsCancellationRequested)
            {
                waiting.Fail(e);
                return;
            }

            Suspect(waiting.Question);
            if (!IsTooLong(e, patience.Token))
            {
                waiting.Fail(e);
                return;
            }
        }
        finally
        {
            _againPlaces.Release();
        }

        await AskAloneAsync(waiting).ConfigureAwait(false);
    }

    private static async Task<bool> TryEnterAsync(SemaphoreSlim places, Waiting waiting)
    {
        try
        {
            await places.WaitAsync(waiting.CancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException e)
        {
            waiting.Fail(e);
            return false;
        }
    }

    private async Task AskAloneAsync(Waiting waiting)
    {
        if (!await TryEnterAsync(_suspectPlaces, waiting).ConfigureAwait(false))
        {
            return;
        }

        var began = TimeProvider.System.GetTimestamp();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(waiting.CancellationToken);
        patience.CancelAfter(options.AlonePatience);
        try
        {
            var answers = await read([waiting.Question], patience.Token).ConfigureAwait(false);
            Judge(isGood: true, isAnswered: true);
            waiting.Answer.SetResult(answers[0]);
        }
        catch (Exception e)
        {
            // Who left at once says nothing of what he asked for.
            Judge(isGood: !mayBeOfOne(e) && !isTimeout(e), isAnswered: false);
            waiting.Fail(e);
        }
        finally
        {
            _suspectPlaces.Release();
        }

        void Judge(bool isGood, bool isAnswered)
        {
            var isLong = TimeProvider.System.GetElapsedTime(began) >= options.GroupPatience / 2;
            if (!isGood || isLong)
            {
                Suspect(waiting.Question);
                if (isLong && !isAnswered)
                {
                    tookLong?.Invoke(waiting.Question);
                }
            }
            else if (isAnswered)
            {
                _suspects.TryRemove(subjectOf(waiting.Question), out _);
            }
        }
    }

    private bool IsSuspect(TQuestion question)
    {
        if (_suspects.IsEmpty)
        {
            return false;
        }

        var subject = subjectOf(question);
        if (!_suspects.TryGetValue(subject, out var since))
        {
            return false;
        }

        if (TimeProvider.System.GetElapsedTime(since) < options.SuspectFor)
        {
            return true;
        }

        _suspects.TryRemove(KeyValuePair.Create(subject, since));
        return false;
    }

    private void Suspect(TQuestion question)
    {
        if (_suspects.Count >= SuspectsMax)
        {
            _suspects.Clear();
        }

        _suspects[subjectOf(question)] = TimeProvider.System.GetTimestamp();
    }

    private sealed class Waiting(TQuestion question, CancellationToken cancellationToken)
    {
        public TQuestion Question { get; } = question;

        public CancellationToken CancellationToken { get; } = cancellationToken;

        // What follows upon an answer must not hold up the others.
        public TaskCompletionSource<TAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail(Exception failure)
        {
            Answer.TrySetException(failure);

            // Its asker may have left.
            _ = Answer.Task.Exception;
        }
    }
}
