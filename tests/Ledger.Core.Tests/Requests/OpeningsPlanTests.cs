namespace Ledger.Core.Tests.Requests;

/// <summary>Accounts that are opened on their first use are opened by legs that the caller never sees.</summary>
public sealed class OpeningsPlanTests
{
    private const TransferFlags Open = TransferFlags.OpenAccounts;

    [Fact]
    public void Nothing_is_added_where_no_transfer_asks_for_it()
    {
        var asked = Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B), Asked.Opening(Asked.C));

        var plan = OpeningsPlan.Of(asked);

        plan.Whole.ShouldBeSameAs(asked);
        var result = Asked.Committed(asked).Result;
        plan.ResultOf(result).ShouldBeSameAs(result);
    }

    [Fact]
    public void Each_account_is_opened_once_and_before_all_else_as_the_transfer_says()
    {
        var asked = Asked.Transaction(
            1, Asked.Leg(2, Asked.A, Asked.B, Open), Asked.Leg(3, Asked.B, Asked.C),
            Asked.Leg(4, Asked.B, Asked.D, Open));

        var whole = OpeningsPlan.Of(asked).Whole;

        whole.Id.ShouldBe(asked.Id);
        whole.Legs.Take(3).Select(static leg => leg.Opening).ShouldBe(
            [Asked.Spec(Asked.A), Asked.Spec(Asked.B), Asked.Spec(Asked.D)]);
        whole.Legs.Take(3).ShouldAllBe(static leg => leg.IfMissing);
        whole.Legs.Skip(3).ShouldBe(asked.Legs);
    }

    [Fact]
    public void What_the_caller_opens_is_not_opened_twice()
    {
        var asked = Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B, Open), Asked.Opening(Asked.A));

        OpeningsPlan.Of(asked).Whole.Legs
            .Where(static leg => leg.Opening is not null).Select(static leg => leg.Opening!.Address)
            .ShouldBe([Asked.B, Asked.A]);
    }

    [Fact]
    public void The_added_legs_are_taken_out_of_the_result()
    {
        var asked = Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B, Open), Asked.Leg(3, Asked.A, Asked.B));
        var plan = OpeningsPlan.Of(asked);

        var committed = plan.ResultOf(Asked.Committed(plan.Whole).Result);
        committed.FailedLeg.ShouldBe(-1);
        committed.Legs.ShouldBe(Asked.Committed(asked).Result.Legs);

        var failure = new LegFailure(3, TransferStatus.ExceedsCredits);
        var rejected = TransactionRejection.Of(plan.Whole, failure);
        plan.ResultOf(rejected).ShouldSatisfyAllConditions(
            result => result.FailedLeg.ShouldBe(1),
            result => result.Status.ShouldBe(TransferStatus.ExceedsCredits),
            result => result.Legs.Select(static leg => leg.Transfer).ShouldBe(
                [TransferStatus.LinkedEventFailed, TransferStatus.ExceedsCredits]));
        plan.FailureOf(rejected).ShouldBe(failure with { Leg = 1 });
        plan.FailureOf(Asked.Committed(plan.Whole).Result).ShouldBeNull();
    }

    [Fact]
    public void An_opening_of_the_callers_fails_with_its_own_status()
    {
        var asked = Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B, Open), Asked.Opening(Asked.C));
        var plan = OpeningsPlan.Of(asked);
        var rejected = TransactionRejection.Of(
            plan.Whole, new LegFailure(3, (TransferStatus)(int)AccountStatus.ExistsWithDifferentCode));

        plan.FailureOf(rejected).ShouldBe(
            new LegFailure(1, (TransferStatus)(int)AccountStatus.ExistsWithDifferentCode));
    }

    [Fact]
    public void An_answer_without_the_added_legs_is_left_as_it_is()
    {
        var asked = Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B, Open));
        var result = Asked.Committed(asked).Result;

        OpeningsPlan.Of(asked).ResultOf(result).ShouldBeSameAs(result);
    }
}
