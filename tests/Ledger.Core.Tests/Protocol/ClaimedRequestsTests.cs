namespace Ledger.Core.Tests.Protocol;

/// <summary>What another account asks about an id that is in hand: it must not wait for the outcome of that.</summary>
public sealed class ClaimedRequestsTests
{
    private static readonly TransactionBranch s_mine = Branches.Alone(1, OneAccount.A, OneAccount.B);
    private static readonly TransactionBranch s_other = OneAccount.Branch(
        1, OneAccount.C, new ResolvedLeg(0, OneAccount.Plain(1, OneAccount.C, OneAccount.A, Amount.Of(1)), null));

    private readonly Parts a = new Parts().Open();

    [Fact]
    public void Given_ids_that_are_looked_up_when_another_account_asks_then_it_waits()
    {
        var owner = a.Claim(new Activate(), s_mine);
        owner.Phase = new LookingUp(1, 1, 1);

        a.Claimed.TryRespond(owner, new PrepareRequest(s_other), At(1)).ShouldBeFalse();
        a.Claimed.TryRespond(owner, new DryRunRequest(s_other, 1), At(1)).ShouldBeFalse();
    }

    [Fact]
    public void Given_what_is_prepared_when_a_client_asks_then_it_waits()
    {
        var owner = Prepared();

        a.Claimed.TryRespond(owner, new GetTransferRequest(OneAccount.Id(1), default, At(9)), At(1)).ShouldBeFalse();
    }

    [Fact]
    public void Given_what_is_prepared_when_another_coordinator_asks_to_prepare_then_not_now()
    {
        a.Claimed.TryRespond(Prepared(), new PrepareRequest(s_other), At(1)).ShouldBeTrue();

        a.Only<Vote>().Kind.ShouldBe(VoteKind.InDoubt);
    }

    [Fact]
    public void Given_what_is_reserved_when_its_own_coordinator_asks_again_then_it_votes_as_before()
    {
        var owner = a.Claim(new Activate(), s_other);
        a.Operations.AddAttempt(owner, new Reserved(s_other, At(0)));

        a.Claimed.TryRespond(owner, new PrepareRequest(s_other), At(1)).ShouldBeTrue();
        a.Claimed.TryRespond(owner, new PrepareRequest(s_other with { Asked = 7, DigestOfWhole = 7 }), At(1))
            .ShouldBeTrue();

        a.Sent.Select(static one => ((Vote)one.Message).Kind).ShouldBe([VoteKind.Yes, VoteKind.InDoubt]);
    }

    [Fact]
    public void Given_what_is_prepared_when_another_coordinator_asks_to_commit_then_that_attempt_is_refused_for_ever()
    {
        a.Claimed.TryRespond(Prepared(), new CommitRequest(s_other), At(1)).ShouldBeTrue();
        a.Write();

        a.Events.ShouldHaveSingleItem().ShouldBeOfType<LastAgentRefused>();
        a.Only<CommitResponse>().Committed.ShouldBeFalse();
    }

    [Fact]
    public void Given_what_is_prepared_when_its_own_outcome_is_asked_for_then_nobody_is_answered_before_there_is_one()
    {
        var owner = Prepared();

        a.Claimed.TryRespond(owner, new OutcomeRequest(s_mine, OneAccount.B), At(1)).ShouldBeTrue();
        a.Write();

        a.Sent.ShouldBeEmpty();
        a.Events.ShouldBeEmpty();
        owner.Waiters.ShouldBeEmpty();
    }

    [Fact]
    public void Given_what_is_prepared_when_the_outcome_of_another_attempt_is_asked_for_then_it_is_recorded_as_aborted()
    {
        var other = s_mine with { Attempt = 3 };

        a.Claimed.TryRespond(Prepared(), new OutcomeRequest(other, OneAccount.B), At(1)).ShouldBeTrue();
        a.Write();

        a.Events.ShouldHaveSingleItem().ShouldBeOfType<AbortRecorded>().Key.ShouldBe(other.Key);
        a.Only<Outcome>().Committed.ShouldBeFalse();
    }

    [Fact]
    public void Given_what_waits_for_doubt_when_another_account_asks_then_that_is_decided_first_and_the_calls_find_it()
    {
        var call = new PostTransferRequest(
            OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(1)), default, At(60));
        var owner = a.Claim(call, s_mine);
        a.Operations.SetPhase(owner, new Waiting(0));
        var prepare = new PrepareRequest(s_other);

        a.Claimed.TryRespond(owner, prepare, At(1)).ShouldBeTrue();

        a.Routed.ShouldBe([prepare, call]);
        owner.IsClaimed.ShouldBeFalse();
    }

    [Fact]
    public void Given_an_outcome_that_is_not_booked_when_it_comes_then_it_is_told_again()
    {
        a.Claimed.TryRespond(
            Prepared(), new Outcome(OneAccount.Id(1), 7, true, At(1)) { Coordinator = OneAccount.C }, At(1))
                .ShouldBeTrue();

        a.Sent.ShouldBeEmpty();
    }

    private static LedgerTime At(int second) => Parts.At(second);

    private Operation Prepared()
    {
        var owner = new Operation(null, s_mine);
        a.Operations.Claim(owner, OperationIds.Of(s_mine, OneAccount.A));
        a.Operations.AddAttempt(owner, new Committing(s_mine, [OneAccount.B], At(0)));
        return owner;
    }
}
