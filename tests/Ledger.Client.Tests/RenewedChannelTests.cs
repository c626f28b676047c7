using Grpc.Net.Client;

namespace Ledger.Client.Tests;

/// <summary>A channel that sends nothing any more is given up, and no other.</summary>
public sealed class RenewedChannelTests
{
    [Fact]
    public void Two_calls_in_a_row_that_were_never_sent_renew_it()
    {
        using var channel = New();
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(0);
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void Calls_that_are_refused_for_seconds_renew_it_and_no_more_often_than_that()
    {
        var time = new Time();
        using var channel = New(time: time);
        channel.NeverSent(0, hasWaited: false);
        channel.NeverSent(0, hasWaited: false);
        time.Seconds = 2;
        channel.NeverSent(0, hasWaited: false);
        channel.Number.ShouldBe(0);
        time.Seconds = 3;
        channel.NeverSent(0, hasWaited: false);
        channel.Number.ShouldBe(1);

        channel.NeverSent(1, hasWaited: false);
        channel.NeverSent(1, hasWaited: false);
        channel.Number.ShouldBe(1);
        time.Seconds = 5;
        channel.Connected();
        channel.NeverSent(1, hasWaited: false);
        time.Seconds = 7;
        channel.NeverSent(1, hasWaited: false);
        channel.Number.ShouldBe(1, "one was sent in between");
        time.Seconds = 8;
        channel.NeverSent(1, hasWaited: false);
        channel.Number.ShouldBe(2);
    }

    [Fact]
    public void A_call_that_was_sent_clears_it()
    {
        using var channel = New();
        channel.NeverSent(0, hasWaited: true);
        channel.Connected();
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void What_waited_for_the_one_before_says_nothing_about_the_next()
    {
        using var channel = New();
        channel.NeverSent(0, hasWaited: true);
        channel.NeverSent(0, hasWaited: true);
        channel.NeverSent(0, hasWaited: true);
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void One_address_has_no_balancer_to_be_stuck()
    {
        using var channel = New(isBalanced: false);
        channel.NeverSent(0, hasWaited: true);
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void Nothing_is_made_after_the_end()
    {
        var channel = New();
        channel.Dispose();
        channel.NeverSent(0, hasWaited: true);
        channel.NeverSent(0, hasWaited: true);
        channel.Number.ShouldBe(0);
    }

    private static RenewedChannel New(bool isBalanced = true, TimeProvider? time = null) =>
        new(static () => GrpcChannel.ForAddress("http://127.0.0.1:1"), isBalanced, time ?? TimeProvider.System);

    private sealed class Time : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
