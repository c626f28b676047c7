namespace Ledger.Core.Tests.Protocol;

/// <summary>R4, R6, R11, R18: messages and what has claimed their ids.</summary>
public sealed class OperationRunnerTests : IOperationDecider
{
    private readonly Parts a = new Parts(options: new AccountMachineOptions { IdempotencyWindowMax = 3 }).Open();
    private readonly List<AccountMessage?> decided = [];
    private readonly List<AccountMessage> refused = [];
    private readonly OperationRunner runner;
    private Func<Operation, bool> decide = static _ => true;
    private bool answersWhileClaimed;

    public OperationRunnerTests() => runner = new OperationRunner(a.Account, this);

    [Fact]
    public void Given_a_new_id_when_a_call_comes_then_it_is_decided_at_once_without_the_journal()
    {
        var call = Post(1);

        runner.Route(call, At(1));

        decided.ShouldBe([call]);
        a.Lookups.ShouldBeEmpty();
        a.Operations.HasAny.ShouldBeFalse();
    }

    [Fact]
    public void Given_an_id_that_memory_may_have_forgotten_when_a_call_comes_then_the_journal_is_asked_and_copies_join()
    {
        Forget();
        var (call, copy) = (Post(1), Post(1));
        runner.Route(call, At(1));
        runner.Route(copy, At(1));
        decided.ShouldBeEmpty();
        a.Write();
        var lookup = a.Lookups.ShouldHaveSingleItem();
        runner.IsAwaited(lookup, At(1)).ShouldBeTrue();

        runner.TryGoOn(lookup with { Number = lookup.Number + 1 }, null, At(2)).ShouldBeFalse();
        runner.TryGoOn(lookup, null, At(2)).ShouldBeTrue();

        decided.ShouldBe([call]);
        runner.TryGoOn(lookup, null, At(2)).ShouldBeFalse("the answer comes twice");
        runner.IsAwaited(lookup, At(1)).ShouldBeFalse();
    }

    [Fact]
    public void Given_a_call_that_nobody_waits_for_when_the_journal_is_slow_then_the_search_is_of_no_use()
    {
        Forget();
        runner.Route(Post(1), At(1));
        a.Write();

        runner.IsAwaited(a.Lookups.ShouldHaveSingleItem(), At(61)).ShouldBeFalse();
    }

    [Fact]
    public void Given_a_look_up_that_fails_when_callers_wait_then_each_learns_that_and_the_id_is_free()
    {
        Forget();
        Admit(2);
        runner.Route(Post(1), At(1));
        runner.Route(Post(1), At(1));
        a.Write();

        runner.LookupFailed(a.Lookups.ShouldHaveSingleItem());

        a.Answers.ShouldBe(
        [
            new RequestFailed(RequestFailure.JournalUnavailable), new RequestFailed(RequestFailure.JournalUnavailable),
        ]);
        a.Operations.HasAny.ShouldBeFalse();
        decided.ShouldBeEmpty();
    }

    [Fact]
    public void Given_an_id_in_hand_when_a_message_comes_then_it_is_answered_from_that_or_waits()
    {
        decide = static _ => false;
        runner.Route(Post(1), At(1));
        var copy = Post(1);

        answersWhileClaimed = true;
        runner.Route(copy, At(1));
        a.Operations.Find(OneAccount.Id(1)).ShouldNotBeNull().Waiters.Count.ShouldBe(1);
        answersWhileClaimed = false;
        runner.Route(copy, At(1));

        a.Operations.Find(OneAccount.Id(1)).ShouldNotBeNull().Waiters.ShouldContain(copy);
        decided.Count.ShouldBe(1);
    }

    [Fact]
    public void Given_waiters_when_an_operation_is_over_then_those_go_on_that_still_wait()
    {
        decide = static _ => false;
        Admit(3);
        var (first, copy, late) = (Post(1), Post(1), Post(1, deadline: 2));
        runner.Route(first, At(1));
        runner.Route(copy, At(1));
        runner.Route(late, At(1));
        var operation = a.Operations.Find(OneAccount.Id(1)).ShouldNotBeNull();
        decided.Clear();

        runner.Finish(operation, skipFirst: true, At(3));

        decided.ShouldBe([copy]);
        a.Answers.ShouldBe([new RequestFailed(RequestFailure.DeadlineExpired)]);
    }

    [Fact]
    public void Given_a_decision_that_throws_when_a_client_asked_then_that_call_fails_and_the_others_go_on()
    {
        Forget();
        Admit(2);
        var (call, copy) = (Post(1), Post(1));
        runner.Route(call, At(1));
        runner.Route(copy, At(1));
        a.Write();
        decide = operation => ReferenceEquals(operation.First, copy) ? false : throw new InvalidOperationException("x");

        runner.TryGoOn(a.Lookups.ShouldHaveSingleItem(), null, At(1)).ShouldBeTrue();

        a.Answers.ShouldBe([new RequestFailed(RequestFailure.DecisionFailed)]);
        a.Thrown.ShouldBeOfType<InvalidOperationException>();
        a.Write();
        a.Lookups.Count.ShouldBe(2, "the copy begins anew");
    }

    [Fact]
    public void Given_a_decision_that_throws_when_another_account_asked_then_that_is_refused()
    {
        decide = static _ => throw new InvalidOperationException("x");
        var prepare = new PrepareRequest(OneAccount.Branch(
            1, OneAccount.B, new ResolvedLeg(0, OneAccount.Plain(1, OneAccount.B, OneAccount.A, Amount.Of(1)), null)));

        runner.Route(prepare, At(1));

        refused.ShouldBe([prepare]);
        a.Operations.HasAny.ShouldBeFalse();
    }

    [Fact]
    public void Given_a_decision_that_throws_after_a_change_when_it_is_caught_then_the_account_must_end()
    {
        decide = _ =>
        {
            a.Rows.Append(new AbortRecorded(OneAccount.Id(77), 1, At(1)), urgent: true);
            throw new InvalidOperationException("half a change");
        };

        Should.Throw<InvalidOperationException>(() => runner.Route(Post(1), At(1)));

        refused.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_hold_that_is_due_when_it_begins_to_expire_then_its_void_is_decided()
    {
        decide = static _ => false;
        var transfer =
            OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(5)) with { Flags = TransferFlags.Pending };
        var leg = new ResolvedLeg(0, transfer, null) { Amount = Amount.Of(5), Deadline = At(10) };
        var row = a.Rows.Append(
            new TransactionPrepared(OneAccount.Branch(1, OneAccount.A, leg), At(0)), urgent: true);
        a.Rows.Append(new TransactionCommitted(OneAccount.Id(1), row, At(1), At(1)), urgent: true);

        runner.BeginDue(At(9));
        decided.ShouldBeEmpty();
        runner.BeginDue(At(10));

        decided.ShouldBe([null]);
        a.Operations.ExpiringCount.ShouldBe(1);
    }

    [Fact]
    public void Given_what_waits_for_doubt_when_something_was_decided_then_it_is_tried_again_but_not_for_its_own_end()
    {
        decide = operation =>
        {
            a.Operations.SetPhase(operation, new Waiting(a.State.LastDecision));
            return false;
        };
        runner.Route(Post(1), At(1));
        decided.Clear();
        runner.RunDeferred(At(1));
        decided.ShouldBeEmpty();

        a.Rows.Append(
            new TransactionPrepared(Branches.Alone(78, OneAccount.A, OneAccount.C), At(1)), urgent: true);
        a.Rows.Append(
            new TransactionAborted(OneAccount.Id(78), -1, TransferStatus.None, null, At(1)), urgent: true);
        runner.RunDeferred(At(1));

        decided.Count.ShouldBe(1);
        a.Write();
        a.Rows.HasUnwritten.ShouldBeFalse();
    }

    [Fact]
    public void Given_callers_that_are_dropped_when_something_is_looked_up_then_that_goes_on_with_its_call()
    {
        decide = static _ => false;
        runner.Route(Post(1), At(1));
        a.Operations.SetPhase(a.Operations.Find(OneAccount.Id(1)).ShouldNotBeNull(), new Waiting(0));
        Forget();
        runner.Route(Post(2), At(1));

        runner.Drop(static _ => true).Count().ShouldBe(1);

        a.Operations.Find(OneAccount.Id(2)).ShouldNotBeNull().First.ShouldNotBeNull();
    }

    void IOperationDecider.Decide(Operation operation, LedgerTime now)
    {
        decided.Add(operation.Input);
        if (decide(operation))
        {
            a.Operations.Unclaim(operation);
        }
    }

    bool IOperationDecider.TryRespond(Operation owner, AccountMessage input, LedgerTime now) => answersWhileClaimed;

    void IOperationDecider.Refuse(AccountMessage input, Exception thrown, LedgerTime now) => refused.Add(input);

    private static LedgerTime At(int second) => Parts.At(second);

    private static PostTransferRequest Post(int id, int deadline = 60) =>
        new(OneAccount.Plain(id, OneAccount.A, OneAccount.B, Amount.Of(1)), default, At(deadline));

    private void Admit(int count)
    {
        for (; count > 0; count--)
        {
            a.Requests.TryAdmit(int.MaxValue);
        }
    }

    // More ids than memory has room for, all of no time.
    private void Forget()
    {
        for (var id = 500; id < 510; id++)
        {
            a.Rows.Append(new AbortRecorded(OneAccount.Id(id), 1, At(0)), urgent: true);
        }

        a.Write();
    }
}
