namespace Ledger.Core.Tests.Protocol;

/// <summary>R21: the account's own time.</summary>
public sealed class AccountTimeTests
{
    private const long Second = 1_000_000;

    // The last event, the time, by what is judged, when is booked.
    [Theory]
    [InlineData(0, 5, 5, 5)]
    [InlineData(5, 5, 5, 5)]
    [InlineData(6, 5, 6, 6)]
    [InlineData(7, 5, 6, 7)]
    [InlineData(1000, 5, 6, 1000)]
    public void Given_a_last_event_when_time_is_told_then_it_moves_judgement_by_a_second_at_most(
        int last, int now, int judged, int booked)
    {
        var clock = ClockAt(last);

        clock.JudgedAt(At(now)).ShouldBe(At(judged));
        clock.BookedAt(At(now)).ShouldBe(At(booked));
        clock.AheadBy(At(now)).ShouldBe(TimeSpan.FromSeconds(last > now + 1 ? last - now : 0));
    }

    [Fact]
    public void Given_another_account_that_is_ahead_when_it_asks_then_this_one_does_it_no_earlier()
    {
        var clock = ClockAt(6);

        clock.JudgedAt(At(5), At(9)).ShouldBe(At(9));
        clock.JudgedAt(At(5), At(1)).ShouldBe(At(6));
        clock.BookedAt(At(5), At(9)).ShouldBe(At(9));
        clock.BookedAt(At(5), At(1)).ShouldBe(At(6));
    }

    [Fact]
    public void Given_doubt_when_it_is_as_old_as_the_options_say_then_it_is_old() =>
        ClockAt(0).OldDoubtUpTo(At(9)).ShouldBe(At(6));

    private static LedgerTime At(int second) => new(second * Second);

    private static AccountTime ClockAt(int last)
    {
        var account = AccountAddress.Parse("a");
        var state = new AccountState(account, 10, TimeSpan.FromDays(1));
        state.Evolve(new AccountOpened(new AccountSpec(account, OneAccount.Usd, 1), At(last)), 1);
        return new AccountTime(state, new AccountMachineOptions { OldDoubtAfter = TimeSpan.FromSeconds(3) });
    }
}
