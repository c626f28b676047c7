using Grpc.Net.Client;

namespace Ledger.Client.Tests;

/// <summary>A channel that sends nothing any more is given up, and no other.</summary>
public sealed class RenewedChannelTests
{
    [Fact]
    public void Two_calls_in_a_row_that_were_never_sent_renew_it()
    {
        using var channel = New();
        channel.NeverSent(0);
        channel.Number.ShouldBe(0);
        channel.NeverSent(0);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void A_call_that_was_sent_clears_it()
    {
        using var channel = New();
        channel.NeverSent(0);
        channel.Connected();
        channel.NeverSent(0);
        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void What_waited_for_the_one_before_says_nothing_about_the_next()
    {
        using var channel = New();
        channel.NeverSent(0);
        channel.NeverSent(0);
        channel.NeverSent(0);
        channel.NeverSent(0);
        channel.Number.ShouldBe(1);
    }

    [Fact]
    public void One_address_has_no_balancer_to_be_stuck()
    {
        using var channel = New(isBalanced: false);
        channel.NeverSent(0);
        channel.NeverSent(0);
        channel.Number.ShouldBe(0);
    }

    [Fact]
    public void Nothing_is_made_after_the_end()
    {
        var channel = New();
        channel.Dispose();
        channel.NeverSent(0);
        channel.NeverSent(0);
        channel.Number.ShouldBe(0);
    }

    private static RenewedChannel New(bool isBalanced = true) =>
        new(static () => GrpcChannel.ForAddress("http://127.0.0.1:1"), isBalanced, TimeProvider.System);
}
