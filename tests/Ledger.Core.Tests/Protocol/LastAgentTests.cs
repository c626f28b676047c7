namespace Ledger.Core.Tests.Protocol;

/// <summary>The last agent: its journal write is the commit.</summary>
public sealed class LastAgentTests
{
    private static readonly TransactionBranch s_branch = Branches.Alone(1, OneAccount.A, OneAccount.B);

    private readonly Parts b = new Parts(OneAccount.B).Open();

    [Fact]
    public void Given_legs_that_can_be_when_it_is_asked_to_commit_then_it_says_so_once_that_is_durable()
    {
        Ask(new CommitRequest(s_branch) { Time = At(4) });
        b.Sent.ShouldBeEmpty();
        b.Write();

        var answer = b.Only<CommitResponse>();
        answer.Committed.ShouldBeTrue();
        answer.Time.ShouldBe(At(4), "no earlier than the coordinator");
        answer.Row.ShouldBe(2);
        b.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentCommitted>().CommitTime.ShouldBe(At(4));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Given_what_is_decided_when_it_is_asked_again_then_the_same_for_ever_and_no_row(bool cancelFirst)
    {
        Ask(new CommitRequest(s_branch, cancelFirst));
        b.Write();
        var first = b.Only<CommitResponse>();
        b.Sent.Clear();
        b.Events.Clear();

        Ask(new CommitRequest(s_branch, !cancelFirst));
        b.Write();

        var second = b.Only<CommitResponse>();
        second.Committed.ShouldBe(!cancelFirst);
        (second.Committed, second.Time, second.Row).ShouldBe((first.Committed, first.Time, first.Row));
        b.Events.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_cancel_when_nothing_is_decided_then_the_refusal_is_journaled_before_it_is_said()
    {
        Ask(new CommitRequest(s_branch, Cancel: true));
        b.Sent.ShouldBeEmpty();
        b.Write();

        var answer = b.Only<CommitResponse>();
        (answer.Committed, answer.Refusal).ShouldBe((false, null));
        b.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>();
    }

    [Fact]
    public void Given_an_account_that_is_missing_when_it_is_asked_to_commit_then_it_refuses_and_says_why()
    {
        var missing = new Parts(OneAccount.B);

        missing.LastAgent.Decide(new CommitRequest(s_branch), default, At(1));
        missing.Write();

        missing.Only<CommitResponse>().Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.CreditAccountNotFound);
        missing.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>();
    }

    [Fact]
    public void Given_another_transfer_under_the_id_when_it_is_asked_to_commit_then_that_is_the_refusal_and_no_row()
    {
        Ask(new CommitRequest(s_branch));
        b.Write();
        b.Sent.Clear();
        b.Events.Clear();

        Ask(new CommitRequest(Branches.Alone(1, OneAccount.A, OneAccount.B, 2)));
        b.Write();

        var answer = b.Only<CommitResponse>();
        answer.Committed.ShouldBeFalse();
        answer.Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.ExistsWithDifferentTransfers);
        b.Events.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_refused_attempt_when_another_content_comes_under_its_key_then_that_needs_a_key_of_its_own()
    {
        Ask(new CommitRequest(s_branch, Cancel: true));
        b.Write();
        b.Sent.Clear();

        Ask(new CommitRequest(Branches.Alone(1, OneAccount.A, OneAccount.B, 2)));
        b.Write();

        var answer = b.Only<CommitResponse>();
        (answer.Committed, answer.Refusal).ShouldBe((false, null));
    }

    [Fact]
    public void Given_a_request_from_far_ahead_when_it_comes_then_it_is_kept_but_what_is_decided_is_said()
    {
        Ask(new CommitRequest(s_branch) { Time = At(100) });
        b.Write();
        b.Sent.ShouldBeEmpty();
        b.Events.ShouldBeEmpty();
        Ask(new CommitRequest(s_branch));
        b.Write();
        b.Sent.Clear();

        Ask(new CommitRequest(s_branch) { Time = At(100) });

        b.Only<CommitResponse>().Committed.ShouldBeTrue();
    }

    [Fact]
    public void Given_an_operators_verdict_when_it_could_be_committed_then_it_is_refused_in_the_operators_name()
    {
        var verdict = new OperatorVerdict("somebody", "stuck");

        Ask(new CommitRequest(s_branch, Cancel: true) { Verdict = verdict });
        b.Write();

        b.Only<CommitResponse>().Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.AbortedByOperator);
        b.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>().Verdict.ShouldBe(verdict);
    }

    [Fact]
    public void Given_a_decision_that_throws_when_it_is_asked_to_commit_then_the_refusal_is_journaled()
    {
        var thrower = new Parts(
            OneAccount.B,
            new AccountMachineOptions { Deciding = static () => throw new InvalidOperationException("x") });
        thrower.Open();

        thrower.LastAgent.Decide(new CommitRequest(s_branch), default, At(1));
        thrower.Write();

        thrower.Only<CommitResponse>().Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.DecisionFailed);
        thrower.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>();
    }

    private static LedgerTime At(int second) => Parts.At(second);

    private void Ask(CommitRequest request) => b.LastAgent.Decide(request, default, At(3));
}
