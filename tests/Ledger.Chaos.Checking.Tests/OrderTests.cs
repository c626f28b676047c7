namespace Ledger.Chaos.Checking.Tests;

/// <summary>The search for an order, which knows nothing of versions.</summary>
public class OrderTests
{
    [Fact]
    public void Reads_in_the_order_of_writes_are_explained() =>
        Search(Write(1, 2, 5), Read(3, 4, 5), Write(5, 6, 7), Read(7, 8, 12)).ShouldBe(Order.Found);

    [Fact]
    public void A_stale_read_is_not_explained() =>
        Search(Write(1, 2, 5), Write(3, 4, 7), Read(5, 6, 5)).ShouldBe(Order.None);

    [Fact]
    public void A_read_that_goes_back_is_not_explained() =>
        Search(Write(1, 20, 5), Read(2, 3, 5), Read(4, 5, 0)).ShouldBe(Order.None);

    [Fact]
    public void A_read_of_what_is_under_way_may_show_it_or_not()
    {
        Search(Write(1, 10, 5), Read(2, 3, 0), Read(4, 5, 5)).ShouldBe(Order.Found);
        Search(Write(1, 10, 5), Write(1, 10, 7), Read(2, 3, 7), Read(4, 5, 12)).ShouldBe(Order.Found);
        Search(Write(1, 10, 5), Write(1, 10, 7), Read(2, 3, 7), Read(4, 5, 5)).ShouldBe(Order.None);
    }

    [Fact]
    public void What_nobody_was_told_of_may_come_at_any_time_or_never()
    {
        Search(Write(1, long.MaxValue, 5), Read(50, 51, 0), Read(60, 61, 5)).ShouldBe(Order.Found);
        Search(Write(1, long.MaxValue, 5), Read(50, 51, 0)).ShouldBe(Order.Found);
    }

    [Fact]
    public void What_was_told_must_show() => Search(Write(1, 2, 5), Read(50, 51, 0)).ShouldBe(Order.None);

    [Fact]
    public void A_read_of_money_that_nobody_moved_is_not_explained() =>
        Search(Write(1, 10, 5), Read(2, 3, 6)).ShouldBe(Order.None);

    [Fact]
    public void What_was_under_way_at_the_beginning_may_count_already() =>
        Linearizability.Search([Write(-5, 20, 5), Read(2, 3, 100)], 100, 0, begin: 0, end: 100).ShouldBe(Order.Found);

    [Fact]
    public void Many_concurrent_writes_are_told_apart_by_powers_of_two()
    {
        var operations = Enumerable.Range(0, 12).Select(i => Write(i, 1000, 1 << i)).ToList();
        operations.Add(Read(500, 501, 0b1010_1010_1010));
        operations.Add(Read(510, 511, 0b1110_1010_1011));
        Search([.. operations]).ShouldBe(Order.Found);
        operations.Add(Read(520, 521, 0b0110_1010_1011));
        Search([.. operations]).ShouldNotBe(Order.Found);
    }

    private static Order Search(params Operation[] operations) =>
        Linearizability.Search(operations, 0, 0, begin: 0, end: 2000);

    private static Operation Write(long from, long to, int amount) => new(from, to, false, amount, 0, null);

    private static Operation Read(long from, long to, int shown) => new(from, to, true, shown, 0, null);
}
