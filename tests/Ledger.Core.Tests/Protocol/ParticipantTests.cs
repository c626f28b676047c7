namespace Ledger.Core.Tests.Protocol;

/// <summary>A participant: it reserves and votes, and books the outcome.</summary>
public sealed class ParticipantTests
{
    private static readonly TransactionBranch s_branch = Branches.Chain(1).SliceFor(OneAccount.B);

    private readonly Parts b = new Parts(OneAccount.B).Open();

    [Fact]
    public void Given_legs_that_can_be_when_it_is_asked_to_prepare_then_it_votes_yes_once_that_is_durable()
    {
        var operation = Ask(s_branch);

        b.Sent.ShouldBeEmpty();
        b.Write();

        b.Only<Vote>().Kind.ShouldBe(VoteKind.Yes);
        b.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionPrepared>();
        operation.Phase.ShouldBeOfType<Reserved>().Branch.Key.ShouldBe(s_branch.Key);
        b.Operations.FindAttempt(s_branch.Key).ShouldBeSameAs(operation);
        b.Prepared.IsEmpty.ShouldBeFalse();
    }

    [Fact]
    public void Given_an_account_that_is_missing_when_it_is_asked_to_prepare_then_it_votes_no_and_says_why()
    {
        var missing = new Parts(OneAccount.B);

        Ask(missing, s_branch, At(1));

        var vote = missing.Only<Vote>();
        vote.Kind.ShouldBe(VoteKind.No);
        vote.Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.CreditAccountNotFound);
        missing.Operations.HasAny.ShouldBeFalse();
    }

    [Fact]
    public void Given_a_late_copy_when_it_was_aborted_then_it_says_that_it_can_not_prepare_it_again()
    {
        Ask(s_branch);
        b.Participant.OnOutcome(Outcome(committed: false), At(2));
        b.Write();
        b.Sent.Clear();

        Ask(s_branch);

        b.Only<Vote>().Kind.ShouldBe(VoteKind.InDoubt);
    }

    [Fact]
    public void Given_an_attempt_that_is_committed_when_a_late_copy_comes_then_it_votes_yes_as_it_did()
    {
        Ask(s_branch);
        b.Participant.OnOutcome(Outcome(committed: true), At(2));
        b.Write();
        b.Sent.Clear();

        Ask(s_branch);

        b.Only<Vote>().Kind.ShouldBe(VoteKind.Yes);
    }

    [Fact]
    public void Given_a_request_from_far_ahead_when_it_comes_then_it_is_kept_and_neither_journaled_nor_answered()
    {
        var operation = b.Claim(new PrepareRequest(s_branch) { Time = At(100) }, s_branch);

        b.Participant.Decide(operation, (PrepareRequest)operation.Input!, At(1));
        b.Write();

        b.Sent.ShouldBeEmpty();
        b.Events.ShouldBeEmpty();
        operation.IsClaimed.ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Given_what_is_reserved_when_the_outcome_comes_then_it_is_booked_and_acknowledged(bool committed)
    {
        Ask(s_branch);
        b.Write();
        b.Sent.Clear();
        b.Events.Clear();

        b.Participant.OnOutcome(Outcome(committed), At(5));
        b.Sent.ShouldBeEmpty();
        b.Write();

        b.Only<OutcomeAck>().Account.ShouldBe(OneAccount.B);
        if (committed)
        {
            b.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionCommitted>().CommitTime.ShouldBe(At(3));
        }
        else
        {
            b.Events.ShouldHaveSingleItem().ShouldBeOfType<TransactionAborted>();
        }

        b.Operations.HasAny.ShouldBeFalse();
        b.Prepared.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Given_nothing_prepared_when_an_abort_comes_then_it_is_acknowledged_and_a_commit_is_looked_for()
    {
        b.Participant.OnOutcome(Outcome(committed: false), At(5));
        b.Only<OutcomeAck>();
        var committed = Outcome(committed: true);

        b.Participant.OnOutcome(committed, At(5));

        b.Routed.ShouldBe([committed]);
        b.Sent.Count.ShouldBe(1);
    }

    [Fact]
    public void Given_no_record_when_a_commit_is_to_be_acknowledged_then_nothing_is_said()
    {
        b.Participant.AcknowledgeIfBooked(Outcome(committed: true), default);

        b.Sent.ShouldBeEmpty();
    }

    [Fact]
    public void Given_an_outcome_of_other_content_when_it_comes_then_what_is_reserved_stays()
    {
        Ask(s_branch);
        b.Write();
        b.Sent.Clear();

        b.Participant.OnOutcome(Outcome(committed: true) with { Digest = 7 }, At(5));
        b.Write();

        b.Operations.FindAttempt(s_branch.Key).ShouldNotBeNull();
        b.Sent.ShouldBeEmpty();
    }

    [Fact]
    public void Given_a_decision_that_throws_when_it_is_asked_to_prepare_then_it_votes_no_and_reports_it()
    {
        var thrower = new Parts(
            OneAccount.B,
            new AccountMachineOptions { Deciding = static () => throw new InvalidOperationException("x") });
        thrower.Open();

        Ask(thrower, s_branch, At(1));

        thrower.Only<Vote>().Refusal.ShouldNotBeNull().Reason.ShouldBe(TransferStatus.DecisionFailed);
        thrower.Thrown.ShouldBeOfType<InvalidOperationException>();
    }

    private static LedgerTime At(int second) => Parts.At(second);

    private static Operation Ask(Parts parts, TransactionBranch branch, LedgerTime now)
    {
        var prepare = new PrepareRequest(branch) { Time = now };
        var operation = parts.Claim(prepare, branch);
        parts.Participant.Decide(operation, prepare, now);
        return operation;
    }

    private static Outcome Outcome(bool committed) =>
        new(s_branch.Key, s_branch.Digest, committed, At(3)) { Coordinator = OneAccount.A };

    private Operation Ask(TransactionBranch branch) => Ask(b, branch, At(1));
}
