namespace Ledger.Core.Tests.Protocol;

/// <summary>T6 of R21: what other accounts ask from further ahead than is believed.</summary>
public sealed class FutureRequestsTests
{
    private static readonly LedgerTime s_now = new(100_000_000);

    private readonly NoHost host = new();
    private readonly FutureRequests future;

    public FutureRequestsTests() => future = new FutureRequests(host);

    [Fact]
    public void Given_a_time_a_second_ahead_when_it_comes_then_it_is_done_now() =>
        future.TryKeep(new Activate(), Key(1), In(1_000_000), s_now).ShouldBeFalse();

    [Fact]
    public void Given_a_time_further_ahead_when_its_time_has_come_then_it_is_taken()
    {
        var request = new Activate();
        future.TryKeep(request, Key(1), In(1_500_000), s_now).ShouldBeTrue();
        host.Wakes.ShouldBe([In(500_000)]);
        future.TakeRipe(In(499_999)).ShouldBeEmpty();

        future.TakeRipe(In(500_000)).ShouldBe([request]);

        future.TakeRipe(In(500_000)).ShouldBeEmpty();
        future.Dropped.ShouldBe(0);
    }

    [Fact]
    public void Given_a_time_far_ahead_when_two_seconds_have_passed_then_it_is_dropped_and_counted()
    {
        future.TryKeep(new Activate(), Key(1), In(1_000_000_000), s_now).ShouldBeTrue();
        host.Wakes.ShouldBe([In(2_000_000)]);
        future.TakeRipe(In(1_999_999)).ShouldBeEmpty();
        future.Dropped.ShouldBe(0);

        future.TakeRipe(In(2_000_000)).ShouldBeEmpty();

        future.Dropped.ShouldBe(1);
    }

    [Fact]
    public void Given_a_kept_request_when_a_copy_comes_then_that_is_kept_no_longer_than_the_first()
    {
        var copy = new Activate();
        future.TryKeep(new Activate(), Key(1), In(9_000_000), s_now);
        future.TryKeep(copy, Key(1), In(3_500_000), In(1_000_000)).ShouldBeTrue();

        future.TakeRipe(In(2_000_000)).ShouldBeEmpty();

        future.Dropped.ShouldBe(1);
    }

    [Fact]
    public void Given_as_many_as_are_kept_when_one_more_comes_then_it_is_dropped_and_counted()
    {
        for (var i = 0; i < 1024; i++)
        {
            future.TryKeep(new Activate(), Key(i), In(1_500_000), s_now).ShouldBeTrue();
        }

        future.TryKeep(new Activate(), Key(1024), In(1_500_000), s_now).ShouldBeTrue();

        future.Dropped.ShouldBe(1);
        future.TakeRipe(In(500_000)).Count.ShouldBe(1024);
    }

    [Theory]
    [InlineData(1_000_000, false)]
    [InlineData(1_000_001, true)]
    public void Given_what_can_not_be_kept_when_it_is_too_far_ahead_then_it_is_dropped_and_counted(
        int ahead, bool isDropped)
    {
        future.TryDrop(In(ahead), s_now).ShouldBe(isDropped);
        future.Dropped.ShouldBe(isDropped ? 1 : 0);
    }

    private static TransferId Key(int number) => OneAccount.Id(number);

    private static LedgerTime In(long microseconds) => new(s_now.UnixMicroseconds + microseconds);
}
