namespace Ledger.Core.Tests.Protocol;

/// <summary>R10, R20: who waits for what is in doubt, and for how long.</summary>
public sealed class ReadBarrierTests
{
    private static readonly AccountAddress s_a = AccountAddress.Parse("a");
    private static readonly AccountAddress s_b = AccountAddress.Parse("b");

    private readonly AccountState state = new(s_a, 100, TimeSpan.FromDays(1));
    private readonly NoHost host = new();
    private readonly PreparedOrder prepared;
    private readonly ReadBarrier barrier;
    private long row;

    public ReadBarrierTests()
    {
        prepared = new PreparedOrder(state);
        barrier = new ReadBarrier(prepared, new AccountMachineOptions { DoubtWait = TimeSpan.FromSeconds(1) }, host);
        state.Evolve(new AccountOpened(new AccountSpec(s_a, OneAccount.Usd, 1), At(0)), ++row);
    }

    [Fact]
    public void Given_nothing_in_doubt_when_somebody_reads_then_nobody_must_wait() => prepared.IsEmpty.ShouldBeTrue();

    [Fact]
    public void Given_something_in_doubt_when_it_is_decided_then_who_waited_for_it_goes_on_in_order()
    {
        Prepare(1);
        prepared.IsEmpty.ShouldBeFalse();
        var first = Read(60);
        barrier.Wait(first, At(5));
        Prepare(2);
        var second = Read(60);
        barrier.Wait(second, At(6));
        barrier.TryTake(out _, out _).ShouldBeFalse();

        Decide(1);

        barrier.TryTake(out var call, out var until).ShouldBeTrue();
        call.ShouldBeSameAs(first);
        until.ShouldBe(At(5));
        barrier.TryTake(out _, out _).ShouldBeFalse("the second came after another was prepared");
        Decide(2);
        barrier.TryTake(out call, out _).ShouldBeTrue();
        call.ShouldBeSameAs(second);
    }

    [Fact]
    public void Given_a_waiting_read_when_something_later_is_prepared_then_it_does_not_wait_for_that()
    {
        Prepare(1);
        barrier.Wait(Read(60), At(5));
        Prepare(2);

        Decide(1);

        barrier.TryTake(out _, out _).ShouldBeTrue();
    }

    [Fact]
    public void Given_waiting_reads_when_their_time_is_up_then_those_alone_are_taken_off()
    {
        Prepare(1);
        var (soon, late) = (Read(60), Read(60));
        barrier.Wait(late, At(9));
        barrier.Wait(soon, At(5));
        host.Wakes.ShouldBe([At(9), At(5)]);
        barrier.NextDue.ShouldBe(At(5));
        barrier.TakeLate(At(4)).ShouldBeEmpty();

        barrier.TakeLate(At(5)).ShouldBe([(soon, null)]);

        barrier.NextDue.ShouldBe(At(9));
        barrier.Readers.ShouldBe([late]);
    }

    [Fact]
    public void Given_a_clock_that_was_set_back_for_long_when_it_ticks_then_nobody_waits_for_ever()
    {
        Prepare(1);
        barrier.Wait(Read(60), At(200_000));

        barrier.TakeLate(At(1)).Count().ShouldBe(1);
    }

    [Fact]
    public void Given_waiting_reads_when_some_are_dropped_then_the_others_stay_in_order()
    {
        Prepare(1);
        var calls = Enumerable.Range(1, 4).Select(Read).ToArray();
        foreach (var call in calls)
        {
            barrier.Wait(call, At(5));
        }

        barrier.Drop(call => call.Deadline <= At(2)).ShouldBe([calls[0], calls[1]]);

        barrier.Readers.ShouldBe([calls[2], calls[3]]);
    }

    [Theory]
    [InlineData(60, 1_000_000)]
    [InlineData(1, 500_000)]
    [InlineData(0, 0)]
    public void Given_a_deadline_when_somebody_reads_then_half_of_the_time_and_a_second_at_most(
        int seconds, long wait) =>
        barrier.ReadUntil(Read(seconds), At(0)).UnixMicroseconds.ShouldBe(wait);

    [Fact]
    public void Given_a_deadline_when_somebody_commands_then_three_quarters_of_the_time() =>
        ReadBarrier.CommandUntil(Read(60), At(0)).ShouldBe(At(45));

    [Fact]
    public void Given_no_deadline_at_all_when_somebody_commands_then_that_does_not_overflow() =>
        ReadBarrier.CommandUntil(new GetAccountRequest(default, LedgerTime.MaxValue), At(8))
            .ShouldBeGreaterThan(At(1_000_000));

    [Fact]
    public void Given_a_read_of_an_id_in_hand_when_its_time_is_up_then_it_fails_by_name_and_waits_no_more()
    {
        var owner = new Operation(null) { Ids = [new TransferId(1)], Phase = new Waiting(0) };
        var (read, other) = (Read(60), Read(1));
        owner.Waiters.AddRange([read, other]);
        barrier.WaitForId(owner, read, At(0));
        barrier.WaitForId(owner, other, At(0));

        barrier.TakeLate(At(1)).ShouldBe(
            [(other, RequestFailure.DeadlineExpired), (read, RequestFailure.AccountInDoubt)], ignoreOrder: true);

        owner.Waiters.ShouldBeEmpty();
        barrier.NextDue.ShouldBe(LedgerTime.MaxValue);
    }

    [Fact]
    public void Given_a_read_of_an_id_when_that_is_looked_up_then_it_waits_on_until_its_deadline()
    {
        var owner = new Operation(null) { Ids = [new TransferId(1)] };
        var read = Read(2);
        owner.Waiters.Add(read);
        barrier.WaitForId(owner, read, At(0));

        barrier.TakeLate(At(1)).ShouldBeEmpty();
        barrier.NextDue.ShouldBe(At(2));

        barrier.TakeLate(At(2)).ShouldBe([(read, RequestFailure.DeadlineExpired)]);
    }

    [Fact]
    public void Given_a_read_of_an_id_when_it_was_answered_then_nothing_waits_for_it()
    {
        var owner = new Operation(null) { Ids = [new TransferId(1)] };
        var read = Read(60);
        owner.Waiters.Add(read);
        barrier.WaitForId(owner, read, At(0));
        owner.Waiters.Clear();

        barrier.TakeLate(At(1)).ShouldBeEmpty();

        barrier.NextDue.ShouldBe(LedgerTime.MaxValue);
    }

    [Fact]
    public void Given_a_read_of_an_id_when_that_is_over_then_nothing_waits_for_it()
    {
        var owner = new Operation(null) { Ids = [new TransferId(1)] };
        var read = Read(2);
        owner.Waiters.Add(read);
        barrier.WaitForId(owner, read, At(0));
        owner.Ids = [];

        barrier.TakeLate(At(2)).ShouldBeEmpty();

        barrier.NextDue.ShouldBe(LedgerTime.MaxValue);
    }

    private static LedgerTime At(int second) => new(second * 1_000_000L);

    private static GetAccountRequest Read(int seconds) => new(new ReplyTarget(null, seconds), At(seconds));

    private void Prepare(int id)
    {
        var leg = new ResolvedLeg(0, OneAccount.Plain(id, s_a, s_b, Amount.Of(1)), null) { Amount = Amount.Of(1) };
        state.Evolve(new TransactionPrepared(OneAccount.Branch(id, s_a, leg), At(id)), ++row);
        prepared.Add(state.PreparedCount, OneAccount.Id(id));
    }

    private void Decide(int id) => state.Evolve(
        new TransactionCommitted(OneAccount.Id(id), state.FindInDoubt(OneAccount.Id(id))!.SequenceNr, At(9), At(9)),
        ++row);
}
