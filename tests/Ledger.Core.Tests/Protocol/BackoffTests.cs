namespace Ledger.Core.Tests.Protocol;

/// <summary>Pauses before something is tried again.</summary>
public sealed class BackoffTests
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_max = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(0, 20)]
    [InlineData(1, 40)]
    [InlineData(5, 640)]
    [InlineData(6, 1000)]
    [InlineData(31, 1000)]
    [InlineData(int.MaxValue, 1000)]
    public void Given_attempts_before_when_it_pauses_then_twice_as_long_up_to_the_longest(
        int attempt, int milliseconds) =>
        Backoff.Exponential(s_first, s_max, attempt).ShouldBe(TimeSpan.FromMilliseconds(milliseconds));

    [Fact]
    public void Given_the_longest_pause_is_an_hour_when_it_has_doubled_for_long_then_it_is_reached() =>
        Backoff.Exponential(s_first, TimeSpan.FromHours(1), 18).ShouldBe(TimeSpan.FromHours(1));

    [Fact]
    public void Given_two_ids_when_their_pauses_are_spread_then_they_differ_and_are_the_same_each_time()
    {
        var pauses = Enumerable.Range(1, 100).Select(static id => Backoff.Spread(s_max, OneAccount.Id(id), 3))
            .ToArray();

        pauses.ShouldAllBe(static pause => pause >= s_max && pause < 2 * s_max);
        pauses.Distinct().Count().ShouldBeGreaterThan(80);
        Backoff.Spread(s_max, OneAccount.Id(1), 3).ShouldBe(pauses[0]);
        Backoff.Spread(s_max, OneAccount.Id(1), 4).ShouldNotBe(pauses[0]);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1_000_000, false)]
    [InlineData(1_000_001, true)]
    public void Given_a_time_when_it_lies_further_ahead_than_any_pause_then_the_clock_was_set_back(
        int ahead, bool isDue) =>
        Backoff.IsDue(new LedgerTime(5_000_000 + ahead), new LedgerTime(5_000_000), s_max).ShouldBe(isDue);
}
