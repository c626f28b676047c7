namespace Ledger.Core.Tests.Protocol;

/// <summary>What an account has in hand.</summary>
public sealed class OperationTableTests
{
    private readonly OperationTable operations = new();

    [Fact]
    public void Given_nothing_when_asked_then_nothing_has_the_id()
    {
        operations.HasAny.ShouldBeFalse();
        operations.Find(Id(1)).ShouldBeNull();
        operations.TryFind(Id(1), out _).ShouldBeFalse();
        operations.FindAttempt(Id(1)).ShouldBeNull();
        operations.All.ShouldBeEmpty();
        operations.Attempts.ShouldBeEmpty();
    }

    [Fact]
    public void Given_an_operation_with_several_ids_when_it_claims_them_then_it_is_listed_once()
    {
        var one = Claimed(Id(1), Id(2));

        operations.Find(Id(2)).ShouldBeSameAs(one);
        operations.All.ShouldBe([one]);
        one.IsClaimed.ShouldBeTrue();
    }

    [Fact]
    public void Given_an_id_that_is_claimed_when_another_claims_it_too_then_it_stays_with_the_first()
    {
        var first = Claimed(Id(1));
        var second = Claimed(Id(2), Id(1));

        operations.Find(Id(1)).ShouldBeSameAs(first);
        operations.Unclaim(second);

        operations.Find(Id(1)).ShouldBeSameAs(first);
        operations.Find(Id(2)).ShouldBeNull();
        second.IsClaimed.ShouldBeFalse();
    }

    [Fact]
    public void Given_claimed_ids_when_others_are_claimed_in_their_place_then_the_former_are_free()
    {
        var one = Claimed(Id(1), Id(2));

        operations.Claim(one, [Id(1), Id(3)]);

        operations.Find(Id(2)).ShouldBeNull();
        operations.Find(Id(3)).ShouldBeSameAs(one);
        operations.All.ShouldBe([one]);
    }

    [Fact]
    public void Given_operations_that_wait_when_they_go_on_or_are_taken_off_then_they_are_not_counted()
    {
        var (one, other) = (Claimed(Id(1)), Claimed(Id(2)));
        operations.SetPhase(one, new Waiting(1));
        operations.SetPhase(other, new Waiting(1));
        operations.SetPhase(other, new Waiting(1));
        operations.WaitingCount.ShouldBe(2);

        operations.SetPhase(one, new DryRunning([OneAccount.B], 1));
        operations.Unclaim(other);

        operations.WaitingCount.ShouldBe(0);
    }

    [Fact]
    public void Given_an_expiry_when_it_is_taken_off_then_it_is_counted_once()
    {
        var hold = new Hold(
            OneAccount.Plain(1, OneAccount.A, OneAccount.B, Amount.Of(5)), Amount.Of(5), new LedgerTime(9), 1, default,
            Id(1));
        var asked = TransactionBranch.Of(HoldExpiry.VoidOf(hold), OneAccount.A, OneAccount.Usd, Principals.Expiry);
        var one = new Operation(null, asked);
        operations.Claim(one, OperationIds.Of(asked, OneAccount.A));
        one.Ids.ShouldBe([hold.ExpiryId, Id(1)]);
        operations.Claim(one, one.Ids);
        operations.ExpiringCount.ShouldBe(1);

        operations.Unclaim(one);
        operations.Unclaim(one);

        operations.ExpiringCount.ShouldBe(0);
    }

    [Fact]
    public void Given_a_prepared_attempt_when_another_operation_asks_then_its_ids_are_in_doubt_elsewhere()
    {
        var one = Claimed(Id(1));
        operations.IsPreparedElsewhere(Id(1), null).ShouldBeFalse();
        var branch = Branch(1);
        operations.AddAttempt(one, new Reserved(branch, new LedgerTime(5)));

        operations.IsPreparedElsewhere(Id(1), null).ShouldBeTrue();
        operations.IsPreparedElsewhere(Id(1), one).ShouldBeFalse();
        operations.FindAttempt(Id(1)).ShouldBeSameAs(one);
        operations.Attempts.ShouldHaveSingleItem().Phase.Branch.ShouldBeSameAs(branch);

        operations.Unclaim(one);

        operations.FindAttempt(Id(1)).ShouldBeNull();
        operations.IsPreparedElsewhere(Id(1), null).ShouldBeFalse();
    }

    [Fact]
    public void Given_an_attempt_when_it_is_asked_for_then_by_its_digest_and_its_phase()
    {
        var one = Claimed(Id(1));
        var branch = Branch(1);
        operations.AddAttempt(one, new Committing(branch, [OneAccount.B], new LedgerTime(5)));

        operations.TryFindAttempt<Committing>(Id(1), branch.Digest, out var found, out var phase).ShouldBeTrue();
        found.ShouldBeSameAs(one);
        phase.ShouldNotBeNull().LastAgent.ShouldBe(OneAccount.B);
        operations.TryFindAttempt<PreparedPhase>(Id(1), branch.Digest, out _, out _).ShouldBeTrue();
        operations.TryFindAttempt<Voting>(Id(1), branch.Digest, out _, out _).ShouldBeFalse("it is not voting");
        operations.TryFindAttempt<Committing>(Id(1), branch.Digest + 1, out _, out _).ShouldBeFalse("of other content");
        operations.TryFindAttempt<Committing>(Id(2), branch.Digest, out _, out _)
            .ShouldBeFalse("nobody has prepared it");
    }

    private static TransferId Id(int number) => OneAccount.Id(number);

    private static TransactionBranch Branch(int id) => OneAccount.Branch(
        id, OneAccount.A, new ResolvedLeg(0, OneAccount.Plain(id, OneAccount.A, OneAccount.B, Amount.Of(1)), null));

    private Operation Claimed(params TransferId[] ids)
    {
        var operation = new Operation(null);
        operations.Claim(operation, ids);
        return operation;
    }
}
