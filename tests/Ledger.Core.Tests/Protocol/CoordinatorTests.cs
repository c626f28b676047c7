namespace Ledger.Core.Tests.Protocol;

/// <summary>What a coordinator does about what is decided.</summary>
public sealed class CoordinatorTests
{
    private readonly Parts a = new Parts().Open(limit: 0);

    [Fact]
    public void Given_enough_money_when_it_is_decided_then_the_row_is_written_before_anybody_is_asked()
    {
        Fund(100);
        var operation = Decide(Plain(2, 100));
        a.Sent.ShouldBeEmpty();

        a.Write();

        a.Only<CommitRequest>().Branch.Id.ShouldBe(OneAccount.Id(2));
        a.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionPrepared>();
        operation.Facts.Found.ShouldBeNull();
        a.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public void Given_the_others_must_be_asked_when_all_have_said_how_they_are_then_it_is_decided()
    {
        var operation = Decide(Plain(2, 100));
        var question = a.Only<DryRunRequest>();
        operation.Phase.ShouldBeOfType<DryRunning>().Round.ShouldBe(question.Round);

        a.Coordinator.OnDryRunResponse(Report(question, OneAccount.C), At(1));
        a.Coordinator.OnDryRunResponse(Report(question, OneAccount.B) with { Round = question.Round + 1 }, At(1));
        a.Ran.ShouldBeEmpty();
        a.Coordinator.OnDryRunResponse(Report(question, OneAccount.B), At(1));

        a.Ran.ShouldBe(["continue"]);
        a.Coordinator.Decide(operation, At(1));
        a.Write();
        a.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionRejected>().Reason
            .ShouldBe(TransferStatus.ExceedsCredits);
        a.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransferResponse>().Result.Status
            .ShouldBe(TransferStatus.ExceedsCredits);
    }

    [Fact]
    public void Given_an_answer_that_is_missing_when_it_is_late_then_only_that_account_is_asked_again()
    {
        var operation = Decide(Plain(2, 100));
        var question = a.Only<DryRunRequest>();
        a.Sent.Clear();

        a.Late.Resume(At(30));
        a.Only<DryRunRequest>().Round.ShouldBe(question.Round);
        a.Sent.Clear();
        operation.Phase.ShouldBeOfType<DryRunning>().Reports[OneAccount.B] = Report(question, OneAccount.B).Report;
        a.Late.Resume(At(30));

        a.Sent.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_caller_that_no_longer_waits_when_nothing_is_journaled_then_the_request_is_forgotten()
    {
        var operation = Decide(Plain(2, 100));
        operation.Waiters.Add(new Activate());

        // Another account that waits keeps it.
        a.Late.Resume(At(61));
        operation.IsClaimed.ShouldBeTrue();
        operation.TakeForeign();
        a.Late.Resume(At(61));

        operation.IsClaimed.ShouldBeFalse();
        a.Requests.Count.ShouldBe(0);
        a.Answers.ShouldBeEmpty("the caller's deadline is the caller's own");
    }

    [Fact]
    public void Given_openings_of_this_account_alone_when_they_are_decided_then_its_own_row_is_the_commit()
    {
        var missing = new Parts();
        var call = new PostTransactionRequest(
            new Transaction(OneAccount.Id(9), [TransactionLeg.Open(new AccountSpec(OneAccount.A, OneAccount.Usd, 1))]),
            default, At(60));
        missing.Coordinator.Decide(
            missing.Claim(call, TransactionBranch.Of(call.Transaction, OneAccount.A, "")), At(1));
        missing.Answers.ShouldBeEmpty();

        missing.Write();

        missing.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentCommitted>();
        missing.Answers.ShouldHaveSingleItem().ShouldBeOfType<PostTransactionResponse>().Result.Status
            .ShouldBe(TransferStatus.Created);
        missing.Sent.ShouldBeEmpty();
    }

    [Fact]
    public void Given_what_waits_for_doubt_when_its_time_is_up_then_the_caller_is_told_and_the_id_is_free()
    {
        var operation = a.Claim(Post(Plain(2, 1)), Branch(Plain(2, 1)));
        a.Pending.Wait(operation, isForMoney: true, At(0));
        operation.Phase.ShouldBeOfType<Waiting>();
        operation.GiveUpAt.ShouldBe(At(0).Add(a.Options.DoubtWait));
        a.Operations.WaitingCount.ShouldBe(1);

        a.Pending.Wait(operation, isForMoney: true, At(2));

        a.Answers.ShouldHaveSingleItem().ShouldBe(new RequestFailed(RequestFailure.AccountInDoubt));
        a.Operations.HasAny.ShouldBeFalse();
        a.Write();
        a.Events.ShouldBeEmpty();
    }

    [Fact]
    public void Given_many_retries_when_something_is_in_doubt_then_the_pause_grows_up_to_the_end_of_the_wait()
    {
        var operation = a.Claim(Post(Plain(2, 1)), Branch(Plain(2, 1)));
        a.Pending.Wait(operation, isForMoney: false, At(0));
        var first = operation.ResendAt;
        operation.Retries = 9;
        a.Pending.Wait(operation, isForMoney: false, At(0));

        first.ShouldBeLessThan(At(0).Add(2 * a.Options.RetryAfter));
        operation.ResendAt.ShouldBeGreaterThan(first);
        operation.ResendAt.ShouldBeLessThanOrEqualTo(At(0).Add(2 * a.Options.RetryAfterMax));
        operation.GiveUpAt.ShouldBe(At(45));
        a.Pending.Wait(operation, isForMoney: false, new LedgerTime(At(45).UnixMicroseconds - 1));
        operation.ResendAt.ShouldBe(At(45));
    }

    [Fact]
    public void Given_nothing_known_of_an_attempt_when_its_outcome_is_asked_for_then_that_is_journaled_first()
    {
        var branch = Branches.Chain(7);

        a.Coordinator.DecideOutcome(new OutcomeRequest(branch, OneAccount.B), default, At(1));
        a.Sent.ShouldBeEmpty();
        a.Write();

        a.Events.ShouldHaveSingleItem().ShouldBeOfType<AbortRecorded>().Key.ShouldBe(branch.Key);
        a.Only<Outcome>().Committed.ShouldBeFalse();
        a.Events.Clear();
        a.Coordinator.DecideOutcome(new OutcomeRequest(branch, OneAccount.B), default, At(1));
        a.Write();
        a.Events.ShouldBeEmpty("it is known now");
    }

    private static LedgerTime At(int second) => Parts.At(second);

    private static Transfer Plain(int id, int amount) =>
        OneAccount.Plain(id, OneAccount.A, OneAccount.B, Amount.Of((ulong)amount));

    private static TransactionBranch Branch(Transfer transfer) =>
        TransactionBranch.Of(transfer, OneAccount.A, OneAccount.Usd, "");

    private static PostTransferRequest Post(Transfer transfer) => new(transfer, default, At(60));

    private static DryRunResponse Report(DryRunRequest question, AccountAddress account) => new(
        question.Branch.Id, question.Round, new AccountReport(
            account, new AccountSpec(account, OneAccount.Usd, 1), false, null, default, default, false,
            [new LegContext(0)]));

    private void Fund(int amount)
    {
        a.Rows.Append(
            new LastAgentCommitted(Branches.Alone(99, OneAccount.C, OneAccount.A, amount), At(0))
            {
                CommitTime = At(0),
            },
            urgent: true);
        a.Write();
        a.Events.Clear();
    }

    private Operation Decide(Transfer transfer)
    {
        var operation = a.Claim(Post(transfer), Branch(transfer));
        a.Coordinator.Decide(operation, At(0));
        return operation;
    }
}
