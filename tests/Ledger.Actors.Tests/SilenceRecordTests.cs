using Ledger.Actors.Leasing;

namespace Ledger.Actors.Tests;

/// <summary>Goal: a node whose lease is old is given up only when a second look finds it so, and nothing kept this node
/// from looking
/// between the two (a database that was away for all comes back for one node first).</summary>
public sealed class SilenceRecordTests
{
    private static readonly Guid One = Guid.NewGuid();
    private static readonly Guid Other = Guid.NewGuid();
    private readonly SilenceRecord record = new();

    [Fact]
    public void One_look_gives_nobody_up()
    {
        record.Look([One, Other]).ShouldBeEmpty();

        // The database is back for the others, too.
        record.Look([]).ShouldBeEmpty();
        record.Look([One]).ShouldBeEmpty();
    }

    [Fact]
    public void Two_looks_in_a_row_give_up_who_was_silent_in_both()
    {
        record.Look([One]);
        record.Look([One, Other]).ShouldBe([One]);
        record.Look([One, Other]).ShouldBe([One, Other], ignoreOrder: true);
    }

    [Fact]
    public void A_look_before_this_node_was_silent_itself_does_not_count()
    {
        record.Look([One]);
        record.Forget();
        record.Look([One]).ShouldBeEmpty();
        record.Look([One]).ShouldBe([One]);
    }
}
