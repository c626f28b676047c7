using Akka.Actor;
using Akka.Event;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Actors.Telemetry;
using Ledger.Core;

namespace Ledger.Storage.Tests;

/// <summary>Goal: no row is stored without those that it rests on, and however a row ends, what rests on it learns of
/// it
/// (R8'). Method: the writer over a database that the test holds up and has fail.</summary>
public sealed class GroupWriterTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly GroupLimits s_limits = new(100, 1000, 1_000_000, 1000) { FollowersWaitMax = s_patience };

    private readonly ActorSystem system = ActorSystem.Create(
        "writer", "akka.loglevel = OFF, akka.stdout-loglevel = OFF");
    private readonly HeldAppender appender = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => system.Terminate();

    [Fact]
    public async Task What_rests_on_a_row_shares_its_transaction_if_it_comes_in_time()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        var follower = new RowFollower(a);
        var first = Add(writer, "a", a);
        var second = Add(writer, "b", b, follower);

        await first.Task.WaitAsync(s_patience);
        await second.Task.WaitAsync(s_patience);
        appender.Stored.ShouldBe([["a", "b"]]);
        (a.Outcome, b.Outcome).ShouldBe((WriteOutcome.Durable, WriteOutcome.Durable));
        a.HasFollowers.ShouldBeFalse();
    }

    [Fact]
    public async Task A_group_waits_for_what_is_on_its_way_to_share_its_transaction()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a), c = Resting(a);
        RowFollower one = new(a), other = new(a);
        var first = Add(writer, "a", a);
        Add(writer, "b", b, one);

        // The other comes when the writer has been waiting already, as far as that can be said.
        await Task.Yield();
        first.Task.IsCompleted.ShouldBeFalse();
        var last = Add(writer, "c", c, other);
        await last.Task.WaitAsync(s_patience);
        appender.Stored.ShouldBe([["a", "b", "c"]]);
    }

    [Fact]
    public async Task A_group_does_not_wait_for_a_follower_that_never_comes()
    {
        var writer = Start(s_limits with { FollowersWaitMax = TimeSpan.FromMilliseconds(1) });
        var a = new WriteTicket();
        _ = new RowFollower(a);
        await Add(writer, "a", a).Task.WaitAsync(s_patience);
        a.HasFollowers.ShouldBeTrue();
    }

    [Fact]
    public async Task A_large_group_waits_for_nobody()
    {
        var writer = Start();
        var held = appender.HoldNext();
        var blocked = Add(writer, "x", null);
        await held;
        var a = new WriteTicket();
        _ = new RowFollower(a);
        var first = Add(writer, "a", a);
        for (var i = 1; i < WriteGroup.WorthATransaction; i++)
        {
            Add(writer, $"other-{i}", null);
        }

        appender.Release();
        await blocked.Task.WaitAsync(s_patience);
        await first.Task.WaitAsync(s_patience);
    }

    [Fact]
    public void A_follower_counts_once_however_often_its_end_is_told()
    {
        var a = new WriteTicket();
        RowFollower one = new(a), other = new(a);
        one.End();
        one.End();
        a.HasFollowers.ShouldBeTrue();
        other.End();
        a.HasFollowers.ShouldBeFalse();
    }

    [Fact]
    public async Task A_row_waits_for_one_that_it_rests_on_and_that_has_not_come_yet()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        var second = Add(writer, "b", b);
        await Add(writer, "c", null).Task.WaitAsync(s_patience);
        second.Task.IsCompleted.ShouldBeFalse();

        await Add(writer, "a", a).Task.WaitAsync(s_patience);
        await second.Task.WaitAsync(s_patience);
        appender.Stored.ShouldBe([["c"], ["a"], ["b"]]);
    }

    [Fact]
    public async Task A_row_waits_for_one_that_is_under_way_in_the_transaction_of_another_writer()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        var held = appender.HoldNext();
        var first = Add(writer, "a", a);
        await held;
        var helper = new HeldAppender();
        writer.Start(helper);

        // So many that the other writer takes them, the one that waits among them.
        var others = Enumerable.Range(0, WriteGroup.WorthATransaction).Select(i => Add(writer, $"other-{i}", null))
            .ToArray();
        var second = Add(writer, "b", b);
        await Task.WhenAll(others.Select(static one => one.Task)).WaitAsync(s_patience);
        (await SeesAsync(writer, second)).ShouldBeFalse();

        appender.Release();
        await first.Task.WaitAsync(s_patience);
        await second.Task.WaitAsync(s_patience);
        helper.Stored.Concat(appender.Stored).Count(static group => group.Contains("b")).ShouldBe(1);
    }

    [Fact]
    public async Task What_rests_on_a_row_that_failed_is_not_sent_and_fails()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a), c = Resting(b);
        var third = Add(writer, "c", c);
        var second = Add(writer, "b", b);
        a.TryFail();

        await FailsAsync(second);
        await FailsAsync(third);
        appender.Stored.ShouldBeEmpty();
        (b.Outcome, c.Outcome).ShouldBe((WriteOutcome.Failed, WriteOutcome.Failed));
    }

    [Fact]
    public async Task A_row_that_the_database_refuses_takes_those_with_it_that_rest_on_it_and_no_others()
    {
        var writer = Start();
        appender.Refused.Add("a");
        var held = appender.HoldNext();
        var blocked = Add(writer, "x", null);
        await held;
        WriteTicket z = new(), a = Resting(z), b = Resting(a), c = Resting(b), d = Resting(z);
        JournalWrite[] writes = [
            Add(writer, "z", z), Add(writer, "a", a), Add(writer, "b", b), Add(writer, "c", c), Add(writer, "d", d)];
        appender.Release();

        await blocked.Task.WaitAsync(s_patience);
        foreach (var failing in writes[1..4])
        {
            await FailsAsync(failing);
        }

        await writes[0].Task.WaitAsync(s_patience);
        await writes[4].Task.WaitAsync(s_patience);
        appender.Stored.SelectMany(static group => group).ShouldBe(["x", "z", "d"]);
        new[] { a, b, c }.ShouldAllBe(static one => one.Outcome == WriteOutcome.Failed);
        new[] { z, d }.ShouldAllBe(static one => one.Outcome == WriteOutcome.Durable);
    }

    /// <summary>Its account gives it up while the group is under way, and what it rested on then fails: what it rested
    /// on is forgotten by then, and it must not be taken for a row that rests on nothing.</summary>
    [Fact]
    public async Task A_row_that_was_given_up_is_not_stored_without_what_it_rests_on()
    {
        var writer = Start();
        appender.Refused.Add("z");
        var held = appender.HoldNext();
        var blocked = Add(writer, "x", null);
        await held;
        WriteTicket z = new(), a = Resting(z), b = Resting(a);
        JournalWrite[] writes = [Add(writer, "z", z), Add(writer, "a", a), Add(writer, "b", b), Add(writer, "y", null)];
        appender.Before = streams =>
        {
            if (streams.Contains("z"))
            {
                a.TryFail();
            }
        };
        appender.Release();

        await blocked.Task.WaitAsync(s_patience);
        foreach (var failing in writes[..3])
        {
            await FailsAsync(failing);
        }

        await writes[3].Task.WaitAsync(s_patience);
        appender.Stored.SelectMany(static group => group).ShouldBe(["x", "y"]);
    }

    [Fact]
    public async Task A_row_whose_caller_gave_up_before_it_was_sent_takes_those_with_it_that_rest_on_it()
    {
        var writer = Start();
        var held = appender.HoldNext();
        var blocked = Add(writer, "x", null);
        await held;
        using var impatience = new CancellationTokenSource();
        WriteTicket a = new(), b = Resting(a);
        var first = Add(writer, "a", a, cancellationToken: impatience.Token);
        var second = Add(writer, "b", b);
        await impatience.CancelAsync();
        appender.Release();

        await blocked.Task.WaitAsync(s_patience);
        await FailsAsync(first);
        await FailsAsync(second);
        a.Outcome.ShouldBe(WriteOutcome.Failed);
        appender.Stored.ShouldBe([["x"]]);
    }

    [Fact]
    public async Task A_full_queue_fails_the_row_and_those_that_rest_on_it()
    {
        var writer = Start(s_limits with { QueueSize = 2 });
        var held = appender.HoldNext();
        var blocked = Add(writer, "x", null);
        await held;
        WriteTicket a = new(), b = Resting(a);
        var second = Add(writer, "b", b);
        Add(writer, "y", null);
        var first = Add(writer, "a", a);
        await FailsAsync(first);
        a.Outcome.ShouldBe(WriteOutcome.Failed);
        appender.Release();

        await blocked.Task.WaitAsync(s_patience);
        await FailsAsync(second);
        appender.Stored.SelectMany(static group => group).ShouldNotContain("b");
    }

    [Fact]
    public async Task A_commit_whose_answer_is_lost_fails_the_group_and_what_rests_on_it()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a), c = Resting(b);
        var follower = new RowFollower(a);
        JournalWrite? third = null;
        appender.After = streams =>
        {
            if (streams.Contains("a"))
            {
                // It comes while the group is under way.
                third = Add(writer, "c", c);
                throw new TimeoutException("The answer is lost.");
            }
        };
        var first = Add(writer, "a", a);
        var second = Add(writer, "b", b, follower);

        await FailsAsync(first);
        await FailsAsync(second);
        await FailsAsync(third.ShouldNotBeNull());
        appender.Stored.ShouldBe([["a", "b"]]);
        new[] { a, b, c }.ShouldAllBe(static one => one.Outcome == WriteOutcome.Failed);
    }

    [Fact]
    public async Task A_failure_that_nobody_foresaw_fails_the_group_and_the_writer_goes_on()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        appender.Before = static _ => throw new InvalidOperationException("Nobody foresaw this.");
        await FailsAsync(Add(writer, "a", a));
        appender.Before = null;
        await FailsAsync(Add(writer, "b", b));
        await Add(writer, "c", null).Task.WaitAsync(s_patience);
    }

    [Fact]
    public async Task A_writer_that_stops_fails_what_comes_and_what_rests_on_that()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        var second = Add(writer, "b", b);
        await Add(writer, "x", null).Task.WaitAsync(s_patience);
        writer.Stop(s_patience).ShouldBeTrue();

        await FailsAsync(Add(writer, "a", a));
        await FailsAsync(second);
        appender.Stored.ShouldBe([["x"]]);
    }

    [Fact]
    public async Task A_row_of_another_generation_of_the_database_takes_those_with_it_that_rest_on_it()
    {
        var writer = Start();
        WriteTicket a = new(), b = Resting(a);
        var outdated = new JournalWrite(CancellationToken.None);
        outdated.Add(Row("a") with { Generation = 7 }, new JournalRow(new byte[] { 1 }) { Ticket = a });
        writer.Add(outdated);
        await Should.ThrowAsync<DatabaseChangedException>(outdated.Task.WaitAsync(s_patience));
        await FailsAsync(Add(writer, "b", b));
        appender.Stored.ShouldBeEmpty();
    }

    /// <summary>An account whose journal is started again has a writer that counts its groups anew: it must not take
    /// the group of one before it for its own.</summary>
    [Fact]
    public async Task A_writer_does_not_take_the_group_of_another_for_its_own()
    {
        var writer = Start();
        var held = appender.HoldNext();
        WriteTicket a = new(), b = Resting(a);
        var first = Add(writer, "a", a);
        await held;
        var next = new HeldAppender();
        var other = Start(s_limits, next);
        var second = Add(other, "b", b);
        await Add(other, "c", null).Task.WaitAsync(s_patience);
        second.Task.IsCompleted.ShouldBeFalse();

        appender.Release();
        await first.Task.WaitAsync(s_patience);
        await second.Task.WaitAsync(s_patience);
        next.Stored.ShouldBe([["c"], ["b"]]);
    }

    private static WriteTicket Resting(params WriteTicket[] tickets)
    {
        var ticket = new WriteTicket();
        ticket.RestOn(tickets);
        return ticket;
    }

    private static AppendRow Row(string stream) => new(stream, 1, 1, [1], 7_654_321, "noted.v1", "writer");

    private static async Task FailsAsync(JournalWrite write) =>
        await Should.ThrowAsync<Exception>(write.Task.WaitAsync(s_patience));

    // Whether it has ended by the time that everything before it has been looked at.
    private static async Task<bool> SeesAsync(GroupWriter writer, JournalWrite write)
    {
        await Add(writer, "seen", null).Task.WaitAsync(s_patience);
        return write.Task.IsCompleted;
    }

    private static JournalWrite Add(
        GroupWriter writer, string stream, WriteTicket? ticket, RowFollower? follower = null,
        CancellationToken cancellationToken = default)
    {
        var write = new JournalWrite(cancellationToken);
        write.Add(Row(stream), new JournalRow(new byte[] { 1 }) { Ticket = ticket, Follower = follower });
        writer.Add(write);
        return write;
    }

    private GroupWriter Start(GroupLimits? limits = null, HeldAppender? with = null)
    {
        var writer = new GroupWriter(
            Logging.GetLogger(system, "writer"), DatabaseWatch.Of(system), NodeMetrics.Of(system), limits ?? s_limits,
            writers: 2);
        writer.Start(with ?? appender);
        return writer;
    }
}
