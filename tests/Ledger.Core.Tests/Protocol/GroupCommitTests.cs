namespace Ledger.Core.Tests.Protocol;

/// <summary>R8: what is decided while a row is written becomes the next row, and nothing leaves before what it has seen
/// is durable. R8' is in <see cref="TicketTests"/>, with whole accounts.</summary>
public sealed class GroupCommitTests : IAccountHost
{
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");
    private static readonly LedgerTime s_now = new(1_000_000);

    private readonly List<EventBatch> written = [];
    private readonly List<long> answered = [];
    private readonly List<RequestFailed> failed = [];
    private readonly List<AccountMessage> sent = [];
    private readonly List<LedgerTime> wakes = [];
    private readonly OpenRequests requests = new();
    private readonly AccountState state = new(s_a, 100, TimeSpan.FromDays(1));
    private GroupCommit rows;
    private long correlation;

    public GroupCommitTests() => rows = Make(new AccountMachineOptions());

    [Fact]
    public void Given_nothing_decided_when_something_is_said_then_it_leaves_at_once()
    {
        Answer().ShouldBe(1);

        answered.ShouldBe([1]);
        requests.Count.ShouldBe(0);
    }

    [Fact]
    public void Given_an_event_when_its_row_is_durable_then_what_has_seen_it_leaves_in_order()
    {
        rows.Append(Event(), urgent: true).ShouldBe(1);
        Answer();
        rows.SendWhenDurable(s_b, new Activate());
        Answer();
        rows.StartNextWrite();
        answered.ShouldBeEmpty();
        rows.HasUnwritten.ShouldBeTrue();

        rows.WriteSucceeded();

        answered.ShouldBe([1, 2]);
        sent.Count.ShouldBe(1);
        rows.DurableRow.ShouldBe(1);
        rows.HasUnwritten.ShouldBeFalse();
    }

    [Fact]
    public void Given_a_row_being_written_when_more_is_decided_then_it_becomes_one_next_row()
    {
        rows.Append(Event(), urgent: true);
        rows.StartNextWrite();
        rows.Append(Event(), urgent: true).ShouldBe(2);
        rows.Append(Event(), urgent: true).ShouldBe(2);
        rows.StartNextWrite();
        written.Count.ShouldBe(1);

        rows.WriteSucceeded();

        written.Select(static row => (row.SequenceNr, row.Events.Count)).ShouldBe([(1L, 1), (2L, 2)]);
        rows.NewestRow.ShouldBe(2);
        rows.Changes.ShouldBe(3);
    }

    [Fact]
    public void Given_a_row_being_written_when_something_is_said_then_it_waits_for_that_row_and_no_later_one()
    {
        rows.Append(Event(), urgent: true);
        rows.StartNextWrite();
        Answer();
        rows.Append(Event(), urgent: true);
        Answer();

        rows.WriteSucceeded();
        answered.ShouldBe([1]);
        rows.WriteSucceeded();
        answered.ShouldBe([1, 2]);
    }

    [Fact]
    public void Given_a_full_row_when_more_is_decided_then_the_next_one_takes_it()
    {
        rows = Make(new AccountMachineOptions { BatchEventsMax = 2 });
        for (var i = 0; i < 5; i++)
        {
            rows.Append(Event(), urgent: true);
        }

        Answer();
        rows.StartNextWrite();
        rows.WriteSucceeded();
        rows.WriteSucceeded();
        answered.ShouldBeEmpty();
        rows.WriteSucceeded();

        written.Select(static row => row.Events.Count).ShouldBe([2, 2, 1]);
        answered.ShouldBe([1]);
    }

    [Fact]
    public void Given_rows_of_few_bytes_when_events_are_larger_then_each_has_a_row()
    {
        rows = Make(new AccountMachineOptions { BatchBytesMax = 1 });
        rows.Append(Event(), urgent: true).ShouldBe(1);
        rows.Append(Event(), urgent: true).ShouldBe(2);
    }

    [Fact]
    public void Given_what_a_row_commits_is_much_when_it_is_counted_then_the_row_is_full()
    {
        rows.Append(Event(), urgent: true, LedgerSizes.RowContentFull).ShouldBe(1);
        rows.Append(Event(), urgent: true).ShouldBe(2);
    }

    [Fact]
    public void Given_only_records_of_commits_when_time_passes_then_they_are_written_and_not_before()
    {
        Prepare(1);
        Commit(1);
        rows.StartNextWrite();
        written.Count.ShouldBe(1);
        var due = s_now.Add(new AccountMachineOptions().CommitRecordDelay);
        rows.RecordCommitsAt.ShouldBe(due);
        wakes.ShouldBe([due]);

        // It is no news: whatever is said does not wait for it.
        Answer();
        answered.ShouldBe([1]);
        rows.RecordLateCommits(new LedgerTime(due.UnixMicroseconds - 1));
        rows.StartNextWrite();
        written.Count.ShouldBe(1);

        rows.RecordLateCommits(due);
        rows.StartNextWrite();
        written.Count.ShouldBe(2);
        rows.RecordCommitsAt.ShouldBe(LedgerTime.MaxValue);
    }

    [Fact]
    public void Given_records_of_commits_when_a_clock_was_set_back_then_they_are_written_all_the_same()
    {
        Prepare(1);
        Commit(1);

        rows.RecordLateCommits(default);

        rows.RecordCommitsAt.ShouldBe(LedgerTime.MaxValue);
    }

    [Fact]
    public void Given_records_of_commits_when_something_urgent_is_decided_then_they_share_its_row()
    {
        Prepare(1);
        Prepare(2);
        Commit(1);
        Commit(2);
        wakes.Count.ShouldBe(1);

        rows.Append(Event(), urgent: true);
        rows.StartNextWrite();

        written[^1].Events.Count.ShouldBe(3);
    }

    [Fact]
    public void Given_records_of_commits_when_flushed_then_they_are_written_at_once()
    {
        Prepare(1);
        Commit(1);

        rows.Flush();

        written.Count.ShouldBe(2);
    }

    [Fact]
    public void Given_rows_that_are_not_durable_when_it_fails_then_all_their_callers_learn_that_and_nothing_is_written()
    {
        rows = Make(new AccountMachineOptions { BatchEventsMax = 1 });
        rows.Append(Event(), urgent: true);
        Answer();
        rows.StartNextWrite();
        rows.Append(Event(), urgent: true);
        Answer();
        rows.Append(Event(), urgent: true);
        Answer();
        var failure = new RequestFailed(RequestFailure.JournalUnavailable);

        rows.Fail(failure);

        failed.ShouldBe([failure, failure, failure]);
        answered.ShouldBeEmpty();
        rows.StartNextWrite();
        written.Count.ShouldBe(1);
    }

    [Fact]
    public void Given_nothing_written_when_a_write_is_said_to_have_succeeded_then_that_is_a_defect() =>
        Should.Throw<LedgerInvariantException>(rows.WriteSucceeded);

    [Fact]
    public void Given_a_snapshot_is_due_when_the_row_is_complete_then_it_has_the_state_of_that_row()
    {
        rows = Make(new AccountMachineOptions { SnapshotEvery = 1, BatchEventsMax = 1 });
        rows.Append(new AccountOpened(new AccountSpec(s_a, Asset.Parse("USD/2"), 1), s_now), urgent: true);
        rows.Append(new AccountChanged(new CloseAccount("done"), s_now), urgent: true);
        rows.StartNextWrite();

        written[0].Snapshot.ShouldNotBeNull().Closed.ShouldBeFalse();
        rows.WriteSucceeded();
        written[1].Snapshot.ShouldNotBeNull().Closed.ShouldBeTrue();
    }

    [Fact]
    public void Given_a_journal_when_it_is_replayed_then_rows_go_on_behind_it()
    {
        rows.Restored(5);
        rows.Replayed(new EventBatch(6, 0, default));

        rows.DurableRow.ShouldBe(6);
        rows.Append(Event(), urgent: true).ShouldBe(7);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer)
    {
        if (answer is RequestFailed failure)
        {
            failed.Add(failure);
        }
        else
        {
            answered.Add(caller.Correlation);
        }
    }

    void IAccountHost.Send(AccountAddress account, AccountMessage message) => sent.Add(message);

    void IAccountHost.Write(EventBatch batch) => written.Add(batch);

    void IAccountHost.Lookup(IdLookup lookup) => throw new NotSupportedException();

    void IAccountHost.WakeAt(LedgerTime time) => wakes.Add(time);

    private GroupCommit Make(AccountMachineOptions options) =>
        new(state, new PreparedOrder(state), options, this, requests);

    private long Answer()
    {
        requests.TryAdmit(int.MaxValue).ShouldBeTrue();
        rows.SendWhenDurable(new ReplyTarget(null, ++correlation), new GetAccountResponse(null));
        return correlation;
    }

    // An event that changes nothing but ids.
    private AbortRecorded Event() => new(OneAccount.Id((int)(1000 + rows.Changes)), 1, s_now);

    private void Prepare(int id)
    {
        if (state.Spec is null)
        {
            rows.Append(new AccountOpened(new AccountSpec(s_a, OneAccount.Usd, 1), s_now), urgent: true);
        }

        var branch = OneAccount.Branch(
            id, s_a, new ResolvedLeg(0, OneAccount.Plain(id, s_a, s_b, Amount.Of(1)), null) { Amount = Amount.Of(1) });
        rows.Append(new TransactionPrepared(branch, s_now), urgent: true);
        rows.StartNextWrite();
        if (written.Count > (rows.DurableRow))
        {
            rows.WriteSucceeded();
        }
    }

    private void Commit(int id) => rows.AppendLazily(
        new TransactionCommitted(OneAccount.Id(id), state.FindInDoubt(OneAccount.Id(id))!.SequenceNr, s_now, s_now), 0,
        s_now);
}
