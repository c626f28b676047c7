using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Grpc.Tests;

/// <summary>Whoever has many calls waits where others would have to, and nobody else does.</summary>
public sealed class CallTurnsTests : IDisposable
{
    private static readonly TimeSpan s_late = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().AddLogging().AddLedgerGrpc()
        .BuildServiceProvider();

    public void Dispose() => services.Dispose();

    [Fact]
    public async Task Calls_beyond_the_limit_wait_in_their_order_until_one_has_ended()
    {
        var caller = new CallerTurns();
        caller.Limit(2);
        await caller.EnterAsync(CancellationToken.None);
        await caller.EnterAsync(CancellationToken.None);
        var third = caller.EnterAsync(CancellationToken.None).AsTask();
        var fourth = caller.EnterAsync(CancellationToken.None).AsTask();
        (third.IsCompleted, fourth.IsCompleted, caller.Working, caller.Wanted).ShouldBe((false, false, 2, 4));
        caller.Leave();
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
        await caller.EnterAsync(CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var waiting = caller.EnterAsync(gone.Token).AsTask();
        var behind = caller.EnterAsync(CancellationToken.None).AsTask();
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        caller.Leave();
        await behind.WaitAsync(s_patience);
        caller.Leave();
        caller.Working.ShouldBe(0);
        await caller.EnterAsync(CancellationToken.None);
    }

    [Fact]
    public void Open_calls_are_bounded_and_whoever_has_none_is_forgotten()
    {
        var caller = new CallerTurns();
        caller.TryOpen(1).ShouldBeTrue();
        var refused = Should.Throw<RequestErrorException>(() => caller.TryOpen(1)).Fault;
        (refused.Reason, refused.Limit, refused.RetryAfter is not null).ShouldBe((ErrorReasons.Overloaded, 1, true));
        caller.TryForget(TimeSpan.Zero).ShouldBeFalse();
        caller.Close();
        caller.TryForget(s_late).ShouldBeFalse();
        caller.TryForget(TimeSpan.Zero).ShouldBeTrue();
        caller.TryOpen(1).ShouldBeFalse();
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

        Repeat(30, () => turns.Adjust(s_late));
        turns.Turns.ShouldBe(1);
        var waiting = heavy.EnterAsync(CancellationToken.None).AsTask();
        light.EnterAsync(CancellationToken.None).IsCompleted.ShouldBeTrue();
        Repeat(98, heavy.Leave);
        waiting.IsCompleted.ShouldBeFalse();
        Repeat(2, heavy.Leave);
        await waiting.WaitAsync(s_patience);

        // In time again, the limit is let go step by step.
        turns.Adjust(TimeSpan.Zero);
        turns.Turns.ShouldBe(2);
        Repeat(500, () => turns.Adjust(TimeSpan.Zero));
        turns.Turns.ShouldBeNull();
        heavy.EnterAsync(CancellationToken.None).IsCompleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Whoever_is_alone_is_never_asked_to_wait()
    {
        using var turns = Turns();
        var only = turns.Of("only");
        await EnterAsync(only, 1_000);
        Repeat(50, () => turns.Adjust(s_late));
        turns.Turns.ShouldBeNull();
        only.EnterAsync(CancellationToken.None).IsCompleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Those_with_as_many_share_what_there_is()
    {
        using var turns = Turns();
        CallerTurns[] all = [turns.Of("a"), turns.Of("b"), turns.Of("c")];
        foreach (var one in all)
        {
            await EnterAsync(one, 40);
        }

        // 120 at work; three quarters of them, for three.
        turns.Adjust(s_late);
        turns.Turns.ShouldBe(90);
        Repeat(10, all[0].Leave);
        var waiting = all[0].EnterAsync(CancellationToken.None);
        waiting.IsCompleted.ShouldBeFalse();
        all[0].Leave();
        await waiting.AsTask().WaitAsync(s_patience);
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
    private CallTurns Turns() =>
        new(
            new EdgeOptions { LatenessMax = TimeSpan.FromMilliseconds(10) },
            services.GetRequiredService<CallMetrics>(), new Still());

    private static async Task EnterAsync(CallerTurns caller, int times)
    {
        caller.TryOpen(int.MaxValue).ShouldBeTrue();
        for (var i = 0; i < times; i++)
        {
            await caller.EnterAsync(CancellationToken.None);
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
