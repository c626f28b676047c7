using Grpc.Net.Client;

namespace Ledger.Client.Tests;

/// <summary>A channel that sends nothing any more is given up, and no other.</summary>
public sealed class RenewedChannelTests
{
    private readonly Time time = new();

    [Fact]
    public void A_call_that_waited_for_seconds_and_was_never_sent_renews_it()
    {
        using var channel = New();
        time.Seconds = 10;
        channel.NeverSent(0, begun: 0);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void Calls_that_are_refused_for_seconds_renew_it_and_no_more_often_than_that()
    {
        using var channel = New();
        foreach (var (second, expected) in (ReadOnlySpan<(int, int)>)[(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (7, 1), (8, 2)])
        {
            time.Seconds = second;
            channel.NeverSent(channel.Number, begun: second);
            channel.Number.ShouldBe(expected, $"after {second} s");
        }
    }

    [Fact]
    public void Short_deadlines_leave_a_channel_the_time_to_connect()
    {
        using var channel = New();
        for (var call = 0; call < 100; call++)
        {
            channel.NeverSent(0, begun: 0);
        }

        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void A_call_that_was_sent_clears_it()
    {
        using var channel = New();
        channel.NeverSent(0, begun: 0);
        channel.Connected();
        time.Seconds = 4;
        channel.NeverSent(0, begun: 4);
        channel.Number.ShouldBe(0);
        time.Seconds = 7;
        channel.NeverSent(0, begun: 7);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void What_waited_for_the_one_before_says_nothing_about_the_next()
    {
        using var channel = New();
        time.Seconds = 10;
        channel.NeverSent(0, begun: 0);
        channel.NeverSent(0, begun: 0);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void One_address_has_no_balancer_to_be_stuck()
    {
        using var channel = New(isBalanced: false);
        time.Seconds = 10;
        channel.NeverSent(0, begun: 0);
        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void Nothing_is_made_after_the_end()
    {
        var channel = New();
        channel.Dispose();
        time.Seconds = 10;
        channel.NeverSent(0, begun: 0);
        channel.Number.ShouldBe(0);
    }

    private RenewedChannel New(bool isBalanced = true) =>
        new(static () => GrpcChannel.ForAddress("http://127.0.0.1:1"), isBalanced, time);

    private sealed class Time : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
