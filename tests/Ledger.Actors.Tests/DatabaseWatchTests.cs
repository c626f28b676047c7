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
