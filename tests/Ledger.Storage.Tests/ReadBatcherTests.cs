using System.Collections.Concurrent;
using Ledger.Actors.Storage;

namespace Ledger.Storage.Tests;

/// <summary>Goal: whoever asks gets the answer to his own question, soon when alone, with others when many ask. Method:
/// a source that answers when the test lets it.</summary>
public sealed class ReadBatcherTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<(IReadOnlyList<int> Questions, TaskCompletionSource Answer)> _groups = new();

    [Fact]
    public async Task One_that_asks_alone_waits_for_nobody_and_those_who_ask_meanwhile_go_together()
    {
        var reads = Reads(3);
        var first = reads.AskAsync(0, CancellationToken.None);
        var group = await NextAsync();
        group.Questions.ShouldBe([0]);

        var others = Enumerable.Range(1, 5).Select(i => reads.AskAsync(i, CancellationToken.None)).ToArray();
        group.Answer.SetResult();
        (await first.WaitAsync(s_timeout)).ShouldBe("0");
        group = await NextAsync();
        group.Questions.ShouldBe([1, 2, 3]);
        group.Answer.SetResult();
        group = await NextAsync();
        group.Questions.ShouldBe([4, 5]);
        group.Answer.SetResult();
        (await Task.WhenAll(others).WaitAsync(s_timeout)).ShouldBe(["1", "2", "3", "4", "5"]);
    }

    [Fact]
    public async Task A_group_that_fails_fails_alone()
    {
        var reads = Reads(2);
        var first = reads.AskAsync(0, CancellationToken.None);
        var group = await NextAsync();
        var others = Enumerable.Range(1, 3).Select(i => reads.AskAsync(i, CancellationToken.None)).ToArray();
        group.Answer.SetResult();
        group = await NextAsync();
        group.Answer.SetException(new InvalidOperationException("gone"));
        group = await NextAsync();
        group.Answer.SetResult();

        (await first.WaitAsync(s_timeout)).ShouldBe("0");
        (await Should.ThrowAsync<InvalidOperationException>(others[0].WaitAsync(s_timeout))).Message.ShouldBe("gone");
        await Should.ThrowAsync<InvalidOperationException>(others[1].WaitAsync(s_timeout));
        (await others[2].WaitAsync(s_timeout)).ShouldBe("3");
    }

    [Fact]
    public async Task One_that_can_not_be_answered_keeps_the_others_of_its_group_from_nothing()
    {
        var reads = Reads(3);
        var first = reads.AskAsync(0, CancellationToken.None);
        var group = await NextAsync();
        var others = Enumerable.Range(1, 3).Select(i => reads.AskAsync(i, CancellationToken.None)).ToArray();
        group.Answer.SetResult();
        group = await NextAsync();
        group.Answer.SetException(new FormatException("one of them"));
        for (var i = 0; i < 3; i++)
        {
            group = await NextAsync();
            group.Questions.Count.ShouldBe(1);
            if (group.Questions[0] == 2)
            {
                group.Answer.SetException(new FormatException("this one"));
            }
            else
            {
                group.Answer.SetResult();
            }
        }

        (await first.WaitAsync(s_timeout)).ShouldBe("0");
        (await others[0].WaitAsync(s_timeout)).ShouldBe("1");
        (await Should.ThrowAsync<FormatException>(others[1].WaitAsync(s_timeout))).Message.ShouldBe("this one");
        (await others[2].WaitAsync(s_timeout)).ShouldBe("3");
    }

    [Fact]
    public async Task Who_has_left_is_not_read_for_and_holds_up_nobody()
    {
        var reads = Reads(8);
        using var patience = new CancellationTokenSource();
        var held = reads.AskAsync(0, patience.Token);
        var group = await NextAsync();
        var left = reads.AskAsync(1, patience.Token);
        var stayed = reads.AskAsync(2, CancellationToken.None);
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(held.WaitAsync(s_timeout));
        await Should.ThrowAsync<OperationCanceledException>(left.WaitAsync(s_timeout));

        // The first was alone in his group, whose reading ends with his leaving.
        group = await NextAsync();
        group.Questions.ShouldBe([2]);
        group.Answer.SetResult();
        (await stayed.WaitAsync(s_timeout)).ShouldBe("2");
        Should.Throw<OperationCanceledException>(() => reads.AskAsync(3, patience.Token));
    }

    [Fact]
    public async Task No_question_is_lost_however_askers_and_readers_meet()
    {
        var atOnce = 0;
        var most = 0;
        var options = new ReadBatcherOptions { GroupsMax = 2, GroupMax = 5, GroupPatience = s_timeout };
        var reads = new ReadBatcher<int, int>(options, async (questions, _) =>
        {
            var now = Interlocked.Increment(ref atOnce);
            while (Volatile.Read(ref most) is var seen && seen < now)
            {
                Interlocked.CompareExchange(ref most, now, seen);
            }

            if (questions[0] % 3 == 0)
            {
                await Task.Yield();
            }

            Interlocked.Decrement(ref atOnce);
            return [.. questions.Select(static question => -question)];
        }, static question => $"{question}", static _ => false, static _ => false);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(asker => Task.Run(async () =>
        {
            for (var i = 0; i < 5_000; i++)
            {
                var question = (asker * 5_000) + i;
                (await reads.AskAsync(question, CancellationToken.None).WaitAsync(s_timeout)).ShouldBe(-question);
            }
        })));
        most.ShouldBeInRange(1, 2);
    }

    [Fact]
    public async Task A_group_that_takes_too_long_is_asked_again_one_by_one_and_its_place_is_free_meanwhile()
    {
        var reads = Hanging(2);
        var all = await AskTogetherAsync(reads, 1, 2, 3);
        (await all[0].WaitAsync(s_timeout)).ShouldBe("1");
        (await all[2].WaitAsync(s_timeout)).ShouldBe("3");
        all[1].IsCompleted.ShouldBeFalse("it is still asked alone");
        (await reads.AskAsync(4, CancellationToken.None).WaitAsync(s_timeout)).ShouldBe("4");
        all[1].IsCompleted.ShouldBeFalse("what came later waited for no place");
        _long.ShouldBeEmpty();
        await Should.ThrowAsync<OperationCanceledException>(all[1].WaitAsync(s_timeout));
        _long.ShouldBe([2]);
    }

    [Fact]
    public async Task What_failed_alone_is_not_grouped_again_until_it_could_be_answered()
    {
        var hanging = new HashSet<int> { 2 };
        var reads = Hanging(hanging);
        await Should.ThrowAsync<OperationCanceledException>(
            reads.AskAsync(2, CancellationToken.None).WaitAsync(s_timeout));
        _asked.Clear();

        // The others' group has nothing in it that could hold it up.
        var all = await AskTogetherAsync(reads, 1, 2, 3);
        (await all[0].WaitAsync(s_timeout)).ShouldBe("1");
        (await all[2].WaitAsync(s_timeout)).ShouldBe("3");
        all[1].IsCompleted.ShouldBeFalse();
        _asked.ShouldContain("1 3");
        await Should.ThrowAsync<OperationCanceledException>(all[1].WaitAsync(s_timeout));

        hanging.Clear();
        (await reads.AskAsync(2, CancellationToken.None).WaitAsync(s_timeout)).ShouldBe("2");
        _asked.Clear();
        await Task.WhenAll(await AskTogetherAsync(reads, 1, 2, 3)).WaitAsync(s_timeout);
        _asked.ShouldContain("1 2 3");
    }

    [Fact]
    public async Task Those_that_fail_again_and_again_hold_few_places_and_none_of_the_others()
    {
        var reads = Hanging(2, 3, 4, 5, 6, 7, 8, 9);
        await Task.WhenAll(Enumerable.Range(2, 8).Select(i =>
            Should.ThrowAsync<OperationCanceledException>(
                reads.AskAsync(i, CancellationToken.None).WaitAsync(s_timeout))));

        _most = 0;
        using var patience = new CancellationTokenSource();
        var failing = Enumerable.Range(2, 8).Select(i => reads.AskAsync(i, patience.Token)).ToArray();
        for (var i = 100; i < 150; i++)
        {
            (await reads.AskAsync(i, CancellationToken.None).WaitAsync(s_timeout)).ShouldBe($"{i}");
        }

        // Two of these, and the one that was just answered.
        _most.ShouldBeLessThanOrEqualTo(3);
        await patience.CancelAsync();
        foreach (var one in failing)
        {
            await Should.ThrowAsync<OperationCanceledException>(one.WaitAsync(s_timeout));
        }
    }

    private readonly ConcurrentBag<string> _asked = [];
    private readonly ConcurrentBag<int> _long = [];
    private TaskCompletionSource? _first;
    private int _atOnce;
    private int _most;

    private ReadBatcher<int, string> Reads(int groupMax) =>
        new(
            new ReadBatcherOptions
            {
                GroupsMax = 1,
                GroupMax = groupMax, GroupPatience = s_timeout, AgainPatience = s_timeout,
                AlonePatience = s_timeout,
            },
            HeldAsync, static question =>
                $"{question}", static failure => failure is FormatException, static _ => false);

    private ReadBatcher<int, string> Hanging(params int[] hanging) => Hanging(hanging.ToHashSet());

    // Whatever is asked together with one of these is not answered before the patience has ended; 0 when the test lets
    // it.
    private ReadBatcher<int, string> Hanging(HashSet<int> hanging) =>
        new(
            new ReadBatcherOptions
            {
                GroupsMax = 1, GroupMax = 3,
                GroupPatience = TimeSpan.FromSeconds(1), AgainPatience = TimeSpan.FromSeconds(0.5),
                AlonePatience = TimeSpan.FromSeconds(3),
            },
            async (questions, token) =>
            {
                _asked.Add(string.Join(' ', questions));
                var now = Interlocked.Increment(ref _atOnce);
                _most = Math.Max(_most, now);
                try
                {
                    await (questions[0] == 0 ? _first!.Task.WaitAsync(token)
                        : Task.Delay(
                            questions.Any(hanging.Contains) ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(1),
                            token));
                }
                finally
                {
                    Interlocked.Decrement(ref _atOnce);
                }

                return [.. questions.Select(static question => $"{question}")];
            },
            static question => $"{question}", static _ => false, static _ => false, _long.Add);

    // While another one is being read, so that they wait for the place together.
    private async Task<Task<string>[]> AskTogetherAsync(ReadBatcher<int, string> reads, params int[] questions)
    {
        _first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = _asked.Count(static group => group == "0");
        var first = reads.AskAsync(0, CancellationToken.None);
        using var patience = new CancellationTokenSource(s_timeout);
        while (_asked.Count(static group => group == "0") == asked)
        {
            await Task.Delay(1, patience.Token);
        }

        var all = questions.Select(question => reads.AskAsync(question, CancellationToken.None)).ToArray();
        _first.SetResult();
        await first.WaitAsync(s_timeout);
        return all;
    }

    private async Task<IReadOnlyList<string>> HeldAsync(
        IReadOnlyList<int> questions, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _groups.Enqueue(([.. questions], answer));
        await answer.Task.WaitAsync(cancellationToken);
        return [.. questions.Select(static question => $"{question}")];
    }

    private async Task<(IReadOnlyList<int> Questions, TaskCompletionSource Answer)> NextAsync()
    {
        using var patience = new CancellationTokenSource(s_timeout);
        while (true)
        {
            if (_groups.TryDequeue(out var group))
            {
                return group;
            }

            await Task.Delay(1, patience.Token);
        }
    }
}
