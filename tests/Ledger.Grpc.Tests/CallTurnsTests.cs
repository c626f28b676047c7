using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc.Tests;

/// <summary>Whoever has many calls waits where others would have to, and nobody else does.</summary>
public sealed class CallTurnsTests
{
    private static readonly TimeSpan s_late = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Calls_beyond_the_limit_wait_in_their_order_until_one_has_ended()
    {
        var caller = new CallerTurns();
        caller.Limit(2);
        await caller.EnterAsync(false, null, CancellationToken.None);
        await caller.EnterAsync(false, null, CancellationToken.None);
        var third = caller.EnterAsync(false, null, CancellationToken.None).AsTask();
        var fourth = caller.EnterAsync(false, null, CancellationToken.None).AsTask();
        (third.IsCompleted, fourth.IsCompleted, caller.Working, caller.Wanted).ShouldBe((false, false, 2, 4));
        caller.Leave(false);
        await third.WaitAsync(s_patience);
        (fourth.IsCompleted, caller.Wanted).ShouldBe((false, 3));

        // With the limit gone nobody waits.
        caller.Limit(int.MaxValue);
        await fourth.WaitAsync(s_patience);
        (caller.Working, caller.Wanted).ShouldBe((3, 3));
    }

    [Fact]
    public async Task One_that_is_gone_is_passed_over_and_holds_nothing()
    {
        var caller = new CallerTurns();
        caller.Limit(1);
        await caller.EnterAsync(false, null, CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var waiting = caller.EnterAsync(false, null, gone.Token).AsTask();
        var behind = caller.EnterAsync(false, null, CancellationToken.None).AsTask();
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        caller.Leave(false);
        await behind.WaitAsync(s_patience);
        caller.Leave(false);
        caller.Working.ShouldBe(0);
        await caller.EnterAsync(false, null, CancellationToken.None);
    }

    [Fact]
    public async Task One_whose_deadline_passes_while_it_waits_is_ended_then_and_counts_no_more()
    {
        var caller = new CallerTurns();
        caller.Limit(1);
        await caller.EnterAsync(false, null, CancellationToken.None);
        var late = caller.EnterAsync(false, TimeSpan.FromMilliseconds(-1), CancellationToken.None).AsTask();
        var patient = caller.EnterAsync(false, TimeSpan.MaxValue, CancellationToken.None).AsTask();
        (await Should.ThrowAsync<RequestErrorException>(() => late.WaitAsync(s_patience))).Fault.Reason
            .ShouldBe(ErrorReasons.DeadlineExpired);
        caller.Wanted.ShouldBe(2);
        caller.Leave(false);
        await patient.WaitAsync(s_patience);
        (caller.Working, caller.Wanted).ShouldBe((1, 1));
    }

    [Fact]
    public async Task Those_that_give_up_while_they_are_let_in_leave_no_turn_behind()
    {
        var caller = new CallerTurns();
        caller.Limit(1);
        for (var round = 0; round < 500; round++)
        {
            await caller.EnterAsync(false, null, CancellationToken.None);
            using var gone = new CancellationTokenSource();
            var waiting = caller.EnterAsync(false, null, gone.Token).AsTask();
            var leaving = Task.Run(() => caller.Leave(false));
            await gone.CancelAsync();
            await leaving;
            try
            {
                await waiting;
                caller.Leave(false);
            }
            catch (OperationCanceledException)
            {
                // It has none to leave.
            }

            (caller.Working, caller.Wanted).ShouldBe((0, 0));
        }
    }

    [Fact]
    public async Task A_caller_has_four_pages_at_work_and_its_other_calls_do_not_wait_for_them()
    {
        var caller = new CallerTurns();
        for (var i = 0; i < 4; i++)
        {
            await caller.EnterAsync(true, null, CancellationToken.None);
        }

        var fifth = caller.EnterAsync(true, null, CancellationToken.None).AsTask();
        var late = caller.EnterAsync(true, TimeSpan.Zero, CancellationToken.None).AsTask();
        (await Should.ThrowAsync<RequestErrorException>(() => late.WaitAsync(s_patience))).Fault.Reason
            .ShouldBe(ErrorReasons.DeadlineExpired);
        caller.EnterAsync(false, null, CancellationToken.None).IsCompleted.ShouldBeTrue();
        (fifth.IsCompleted, caller.Working).ShouldBe((false, 5));
        caller.Leave(false);
        caller.Leave(true);
        await fifth.WaitAsync(s_patience);
        caller.Working.ShouldBe(4);
    }

    [Fact]
    public void Open_calls_are_bounded_and_whoever_has_none_is_forgotten()
    {
        var caller = new CallerTurns();
        caller.TryOpen(1, 1).ShouldBeTrue();
        var refused = Should.Throw<RequestErrorException>(() => caller.TryOpen(1, 1)).Fault;
        (refused.Reason, refused.Limit, refused.RetryAfter is not null).ShouldBe((ErrorReasons.Overloaded, 1, true));
        caller.TryForget(TimeSpan.Zero).ShouldBeFalse();
        caller.Close(1);
        caller.TryForget(s_late).ShouldBeFalse();
        caller.TryForget(TimeSpan.Zero).ShouldBeTrue();
        caller.TryOpen(1, 1).ShouldBeFalse();
    }

    [Fact]
    public async Task On_a_node_that_is_late_whoever_has_more_than_others_gets_fewer_turns_until_it_is_not()
    {
        using var turns = Turns();
        var (heavy, light) = (turns.Of("heavy"), turns.Of("light"));
        await EnterAsync(heavy, 100);
        await EnterAsync(light, 1);
        turns.Adjust(TimeSpan.Zero);
        turns.Turns.ShouldBeNull();

        // A pause, as when memory is collected, takes a quarter.
        turns.Adjust(s_late);
        turns.Turns.ShouldBe(75);
        Repeat(30, () => turns.Adjust(s_late));
        turns.Turns.ShouldBe(4);
        var waiting = heavy.EnterAsync(false, null, CancellationToken.None).AsTask();
        light.EnterAsync(false, null, CancellationToken.None).IsCompleted.ShouldBeTrue();
        Repeat(96, () => heavy.Leave(false));
        waiting.IsCompleted.ShouldBeFalse();
        heavy.Leave(false);
        await waiting.WaitAsync(s_patience);

        // In time again, the limit is let go step by step.
        turns.Adjust(TimeSpan.Zero);
        turns.Turns.ShouldBe(5);
        Repeat(100, () => turns.Adjust(TimeSpan.Zero));
        turns.Turns.ShouldBeNull();
        heavy.EnterAsync(false, null, CancellationToken.None).IsCompleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Whoever_is_alone_is_never_asked_to_wait()
    {
        using var turns = Turns();
        var only = turns.Of("only");
        await EnterAsync(only, 1_000);
        Repeat(50, () => turns.Adjust(s_late));
        turns.Turns.ShouldBeNull();
        only.EnterAsync(false, null, CancellationToken.None).IsCompleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Probes_and_operators_who_have_no_turns_have_nobody_wait()
    {
        using var turns = Turns();
        await EnterAsync(turns.Of("only"), 1_000);
        turns.Of("probe").TryOpen(8, 1).ShouldBeTrue();
        Repeat(50, () => turns.Adjust(s_late));
        turns.Turns.ShouldBeNull();
    }

    [Fact]
    public async Task Those_with_as_many_wait_for_nobody_but_one_with_few_and_share_what_there_is()
    {
        using var turns = Turns();
        CallerTurns[] all = [turns.Of("a"), turns.Of("b"), turns.Of("c")];
        foreach (var one in all)
        {
            await EnterAsync(one, 40);
        }

        Repeat(2, () => turns.Adjust(s_late));
        turns.Turns.ShouldBeNull();

        // 121 at work; three quarters of them, for three.
        await EnterAsync(turns.Of("light"), 1);
        turns.Adjust(s_late);
        turns.Turns.ShouldBe(90);
        Repeat(10, () => all[0].Leave(false));
        var waiting = all[0].EnterAsync(false, null, CancellationToken.None);
        waiting.IsCompleted.ShouldBeFalse();
        all[0].Leave(false);
        await waiting.AsTask().WaitAsync(s_patience);
    }

    [Fact]
    public void A_caller_that_goes_on_while_it_is_refused_is_known_for_it()
    {
        var caller = new CallerTurns();
        caller.TryOpen(4, 4).ShouldBeTrue();
        Repeat(20_000, () => Should.Throw<RequestErrorException>(() => caller.TryOpen(4, 1)));
        caller.IsRefusedTooOften.ShouldBeFalse();
        Should.Throw<RequestErrorException>(() => caller.TryOpen(4, 1));
        caller.IsRefusedTooOften.ShouldBeTrue();
        caller.Close(4);
        caller.TryOpen(4, 4).ShouldBeTrue();
    }

    [Theory]
    [InlineData(256, 1024)]
    [InlineData(1024, 1024)]
    [InlineData(64, 256)]
    [InlineData(8, 100)]
    public void What_a_connection_may_open_goes_by_the_memory(int mebibytes, int expected)
    {
        // Of one address there may be 256 connections.
        var options = new EdgeOptions { InFlightBytesMax = mebibytes * 1024L * 1024 * 4 };
        options.CallsPerConnection.ShouldBe(expected);
        (options.Calls, options.CallsPerCaller).ShouldBe((mebibytes * 256, mebibytes * 128));
    }

    [Fact]
    public void A_connection_on_which_calls_are_broken_off_before_they_begin_is_closed_once()
    {
        var closed = 0;
        var connection = new ConnectionBudget(new ByteBudget(1), IsForHealth: false) { Abort = () => closed++ };
        Repeat(4_999, connection.BrokeOff);
        closed.ShouldBe(0);
        Repeat(5_000, connection.BrokeOff);
        closed.ShouldBe(1);
    }

    // Nobody looks at it but the test.
    private static CallTurns Turns() =>
        new(new EdgeOptions { LatenessMax = TimeSpan.FromMilliseconds(10) }, new Still());

    private static async Task EnterAsync(CallerTurns caller, int times)
    {
        caller.TryOpen(int.MaxValue, 1).ShouldBeTrue();
        for (var i = 0; i < times; i++)
        {
            await caller.EnterAsync(false, null, CancellationToken.None);
        }
    }

    private static void Repeat(int times, Action action)
    {
        for (var i = 0; i < times; i++)
        {
            action();
        }
    }

    // Its timers never tick.
    private sealed class Still : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
