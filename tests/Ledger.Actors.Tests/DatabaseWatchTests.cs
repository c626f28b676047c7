using Ledger.Actors.Storage;

namespace Ledger.Actors.Tests;

/// <summary>What a process concludes from what its connections find (R19 b).</summary>
public sealed class DatabaseWatchTests
{
    private static readonly DatabaseState s_first = new("7/00000001", "life 1", Guid.NewGuid(), 3);

    private readonly DatabaseWatch watch = new();
    private readonly List<string> told = [];

    public DatabaseWatchTests()
    {
        watch.Notify(() => told.Add("lost"), _ => told.Add("changed"), () => told.Add("restarted"));
        watch.Meet(s_first).ShouldBeTrue();
    }

    [Fact]
    public void The_same_again_is_known()
    {
        watch.Meet(s_first with { }).ShouldBeTrue();
        told.ShouldBeEmpty();
        (watch.Generation, watch.Changes).ShouldBe((0, 0));
    }

    [Fact]
    public void A_server_that_was_started_anew_is_known_and_told_of()
    {
        watch.Meet(s_first with { Instance = "life 2" }).ShouldBeTrue();
        told.ShouldBe(["restarted"]);
        (watch.Generation, watch.Changes).ShouldBe((0, 1));
    }

    [Theory]
    [InlineData("7/00000002", 3)]
    [InlineData("8/00000001", 3)]
    [InlineData("7/00000001", 4)]
    public void Another_server_timeline_or_epoch_has_accounts_start_again_from_the_journal(string server, long epoch)
    {
        var next = s_first with { Server = server, Epoch = epoch };
        watch.Meet(next).ShouldBeFalse("What was decided for the one before is not written there.");
        watch.Meet(next).ShouldBeTrue();
        told.ShouldBe(["changed"]);
        (watch.Generation, watch.Changes, watch.Loss).ShouldBe((1, 1, null));
    }

    [Fact]
    public void Two_servers_in_turn_never_pass_for_one()
    {
        var other = s_first with { Server = "7/00000002" };
        watch.Meet(other).ShouldBeFalse();
        watch.Meet(s_first).ShouldBeFalse();
        watch.Meet(other).ShouldBeFalse();
        watch.Generation.ShouldBe(3);
    }

    [Theory]
    [InlineData("another ledger", 3)]
    [InlineData("an older epoch", 2)]
    [InlineData("on record", 3)]
    [InlineData("missing", 3)]
    public void Evidence_of_a_loss_counts_once_and_for_good(string evidence, long epoch)
    {
        watch.Meet(evidence switch
        {
            "another ledger" => s_first with { Ledger = Guid.NewGuid() },
            "an older epoch" => s_first with { Epoch = epoch },
            "on record" => s_first with { Loss = "Somebody has seen it." },
            _ => s_first with { Missing = "7 of ledger-account-a" },
        }).ShouldBeFalse();
        var first = watch.Loss.ShouldNotBeNull();
        watch.LostEpoch.ShouldBe(epoch);
        watch.Meet(s_first).ShouldBeFalse();
        watch.ReportLoss("Another one.");
        watch.Loss.ShouldBe(first);
        told.ShouldBe(["lost"]);
    }

    [Fact]
    public void A_row_that_went_lost_before_a_new_epoch_began_is_that_epochs_loss_no_more()
    {
        watch.Meet(s_first with { Epoch = 4, Missing = "7 of ledger-account-a" }).ShouldBeFalse();
        watch.LostEpoch.ShouldBe(3, "The process begins anew, since epoch 4 runs; and nobody else is silenced.");
    }

    [Theory]
    [InlineData("7/00000001", 3, true)]
    [InlineData("?", 3, true)]
    [InlineData("7/00000002", 3, false)]
    [InlineData("8/00000001", 3, false)]
    [InlineData("7/00000001", 4, false)]
    [InlineData("?", 4, false)]
    public void What_is_said_is_marked_with_the_history_that_it_rests_on(string server, long epoch, bool isSame)
    {
        var mark = DatabaseMark.Of(s_first with { Server = server, Epoch = epoch });
        var mine = watch.MarkOf(0).ShouldNotBeNull();
        (mine.IsOf(mark), mark.IsOf(mine)).ShouldBe((isSame, isSame));
        mine.IsOf(DatabaseMark.Over).ShouldBeFalse();
    }

    [Fact]
    public void What_was_read_before_a_change_has_the_mark_of_no_other()
    {
        var before = watch.MarkOf(0).ShouldNotBeNull();
        watch.Meet(s_first with { Server = "7/00000002" });
        watch.MarkOf(0).ShouldBe(DatabaseMark.Over);
        watch.MarkOf(1).ShouldNotBeNull().IsOf(before).ShouldBeFalse();

        // A restart changes none of it.
        watch.Meet(s_first with { Server = "7/00000002", Instance = "life 2" });
        watch.MarkOf(1).ShouldNotBeNull().IsOf(DatabaseMark.Of(s_first with { Server = "7/00000002" })).ShouldBeTrue();
    }

    [Fact]
    public void Before_anybody_has_looked_nothing_is_marked() => new DatabaseWatch().MarkOf(0).ShouldBeNull();

    [Theory]
    [InlineData("confirmed")]
    [InlineData("lost")]
    [InlineData("time")]
    public async Task What_waits_for_others_to_look_at_another_server_goes_on_when_they_have_or_can_t_speak(string how)
    {
        await watch.WhenConfirmedAsync();
        watch.OthersLookWithin = how == "time" ? TimeSpan.FromMilliseconds(50) : TimeSpan.FromMinutes(5);
        watch.Meet(s_first with { Instance = "life 2" });
        var waiting = watch.WhenConfirmedAsync();
        if (how != "time")
        {
            watch.Confirm(watch.Changes - 1);
            waiting.IsCompleted.ShouldBeFalse("That was asked before the change.");
        }

        switch (how)
        {
            case "confirmed":
                watch.Confirm(watch.Changes);
                break;
            case "lost":
                watch.ReportLoss("Somebody has seen it.");
                break;
            default:
                break;
        }

        await waiting.WaitAsync(TimeSpan.FromSeconds(30));
        watch.IsConfirmed.ShouldBe(how != "lost");
    }

    [Fact]
    public void The_newest_row_of_each_writer_must_be_there()
    {
        var (one, two) = (watch.AddWriter(), watch.AddWriter());
        watch.Acknowledged(one, Row("a", 1));
        watch.Acknowledged(two, Row("b", 5));
        watch.Acknowledged(one, Row("a", 2));
        watch.AcknowledgedRows().ShouldBe([new("a", 2, "w"), new("b", 5, "w")]);

        static AppendRow Row(string stream, long number) => new(stream, number, 0, [], 0, "", "w");
    }
}
