namespace Ledger.Core.Tests.Protocol;

/// <summary>R8': the rows of other accounts that an account rests on.</summary>
public sealed class UndecidedRowsTests
{
    private readonly UndecidedRows rows = new();

    [Fact]
    public void Given_a_durable_row_when_it_is_rested_on_then_nothing_waits_for_it()
    {
        var ticket = new WriteTicket();
        ticket.TryMakeDurable();

        rows.TryAdd(ticket).ShouldBeTrue();

        rows.HasAny.ShouldBeFalse();
        rows.Take().ShouldBeNull();
    }

    [Fact]
    public void Given_a_failed_row_when_something_rests_on_it_then_that_is_not_taken_in()
    {
        var ticket = new WriteTicket();
        ticket.TryFail();

        rows.TryAdd(ticket).ShouldBeFalse();

        rows.HasAny.ShouldBeFalse();
    }

    [Fact]
    public void Given_several_messages_of_one_row_when_they_are_taken_in_then_it_counts_once()
    {
        var ticket = new WriteTicket();
        rows.TryAdd(ticket);
        rows.TryAdd(ticket);

        rows.Count.ShouldBe(1);
        rows.Take().ShouldBe([ticket]);
    }

    [Fact]
    public void Given_rows_in_order_when_the_oldest_are_durable_then_the_rest_stays_with_its_numbers()
    {
        WriteTicket first = new(), second = new(), third = new();
        rows.TryAdd(first);
        rows.TryAdd(second);
        rows.TryAdd(third);
        first.TryMakeDurable();
        third.TryMakeDurable();

        rows.ForgetDurable().ShouldBeTrue();

        rows.Oldest.ShouldBe((2, second));
        rows.Take().ShouldBe([second]);
        second.TryMakeDurable();
        rows.ForgetDurable().ShouldBeFalse();
        rows.Count.ShouldBe(3);
    }

    [Fact]
    public void Given_a_row_of_its_own_is_durable_when_it_rested_on_some_then_those_are_taken_off()
    {
        WriteTicket first = new(), second = new();
        rows.TryAdd(first);
        rows.TryAdd(second);

        rows.ForgetUpTo(1);

        rows.Oldest.ShouldBe((2, second));
    }

    [Fact]
    public void Given_a_row_that_fails_later_when_a_row_is_handed_over_then_it_rests_on_it_all_the_same()
    {
        var ticket = new WriteTicket();
        rows.TryAdd(ticket);
        ticket.TryFail();

        rows.ForgetDurable().ShouldBeTrue();
        rows.Take().ShouldBe([ticket]);
    }
}
