using Ledger.Node.Edge;

namespace Ledger.Node.Tests;

/// <summary>A connection counts until the server has ended it, and not for ever where the server never does.</summary>
public sealed class ConnectionEndTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_connection_that_the_server_never_ends_is_let_go_once_its_peer_is_gone_for_long()
    {
        var time = new OneTimer();
        using var closed = new CancellationTokenSource();
        var end = ConnectionGate.EndAsync(new TaskCompletionSource().Task, closed.Token, time);
        await closed.CancelAsync();
        var elapse = await time.Made.Task.WaitAsync(s_patience);
        end.IsCompleted.ShouldBeFalse();
        elapse();
        await end.WaitAsync(s_patience);
    }

    [Fact]
    public async Task What_the_server_says_of_the_end_is_passed_on()
    {
        var serving = new TaskCompletionSource();
        using var closed = new CancellationTokenSource();
        var end = ConnectionGate.EndAsync(serving.Task, closed.Token, TimeProvider.System);
        end.IsCompleted.ShouldBeFalse();
        await closed.CancelAsync();
        serving.SetException(new IOException("broken"));
        (await Should.ThrowAsync<IOException>(end.WaitAsync(s_patience))).Message.ShouldBe("broken");
    }

    // Its timer ticks when it is told to.
    private sealed class OneTimer : TimeProvider
    {
        public TaskCompletionSource<Action> Made { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Made.TrySetResult(() => callback(state));
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
