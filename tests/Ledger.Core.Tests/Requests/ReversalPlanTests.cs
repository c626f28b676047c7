using System.Collections.Immutable;

namespace Ledger.Core.Tests.Requests;

/// <summary>A correction is a transaction of the opposite transfers.</summary>
public sealed class ReversalPlanTests
{
    private static readonly ReversalPlan Plan = new(Asked.Id(50), Asked.Id(1), "wrong");

    [Fact]
    public void It_needs_a_reason_and_its_texts_fit()
    {
        Plan.Check().ShouldBeNull();
        (Plan with { Reason = "" }).Check().ShouldBe(
            new RequestProblem(RequestProblemKind.InvalidArgument, "A correction needs a reason", "reason"));
        (Plan with { Reason = new string('x', 257) }).Check()!.Kind.ShouldBe(RequestProblemKind.ReasonTooLong);
        (Plan with { Reference = new string('x', 129) }).Check()!.Kind.ShouldBe(RequestProblemKind.ReferenceTooLong);
        (Plan with { EffectiveTime = new LedgerTime(long.MaxValue) }).Check()!.Field.ShouldBe("effective_time");
    }

    [Fact]
    public void Only_what_moved_money_is_taken_back()
    {
        var record = Asked.Committed(Asked.Transaction(
            1, Asked.Opening(Asked.C), Asked.Leg(2, Asked.A, Asked.B),
            Asked.Leg(3, Asked.A, Asked.B, TransferFlags.Pending),
            TransactionLeg.Of(Asked.Resolution(4, 9, TransferFlags.VoidPending)),
            TransactionLeg.Of(Asked.Resolution(5, 8))));

        ReversalPlan.MovedBy(record).Select(static moved => moved.Transfer.Id).ShouldBe([Asked.Id(2), Asked.Id(5)]);
    }

    [Fact]
    public void There_must_be_something_and_a_part_is_of_one_transfer()
    {
        ImmutableArray<MovedTransfer> two = [Moved(2), Moved(3)];
        Plan.CheckOriginal(Asked.A, []).ShouldBe(new RequestProblem(
            RequestProblemKind.NotFound,
            $"No transaction or transfer {Plan.OriginalId} that moved money was found on a", "transaction_id"));
        Plan.CheckOriginal(Asked.A, two).ShouldBeNull();
        var part = Plan with { Part = Amount.Of(1) };
        part.CheckOriginal(Asked.A, [Moved(2)]).ShouldBeNull();
        part.CheckOriginal(Asked.A, two)!.Field.ShouldBe("amount");
    }

    [Fact]
    public void One_transfer_is_taken_back_under_the_id_of_the_correction_for_what_is_left_of_it()
    {
        var plan = Plan with { Reference = "r", EffectiveTime = new LedgerTime(3) };

        var transaction = plan.TransactionOf([Moved(2)]);

        transaction.Id.ShouldBe(plan.Id);
        transaction.Legs.ShouldHaveSingleItem().Transfer.ShouldBe(
            new Transfer(plan.Id, Asked.B, Asked.A, Amount.MaxValue, 7)
            {
                Asset = Asked.Euro,
                Reverses = Asked.Id(2),
                Reason = "wrong",
                Reference = "r",
                EffectiveTime = new LedgerTime(3),
            });
        (plan with { Part = Amount.Of(4), Code = 12 }).TransactionOf([Moved(2)]).Legs[0].Transfer!
            .ShouldSatisfyAllConditions(
            transfer => transfer.Amount.ShouldBe(Amount.Of(4)), transfer => transfer.Code.ShouldBe(12u));
    }

    [Fact]
    public void The_last_movement_is_taken_back_first_and_each_for_what_it_moved()
    {
        var transaction = Plan.TransactionOf([Moved(2), Moved(3), Moved(4)]);

        transaction.Legs.Select(static leg => leg.Transfer!.Reverses).ShouldBe([Asked.Id(4), Asked.Id(3), Asked.Id(2)]);
        transaction.Legs.Select(static leg => leg.Transfer!.Id).ShouldBe(
            Enumerable.Range(0, 3).Select(static i => Transaction.LegId(Plan.Id, i)));
        transaction.Legs.Select(static leg => leg.Transfer!.Amount)
            .ShouldBe([Amount.Of(104), Amount.Of(103), Amount.Of(102)]);
        transaction.Legs.ShouldAllBe(static leg => leg.Transfer!.DebitAccount == Asked.B
            && leg.Transfer.CreditAccount == Asked.A);
    }

    private static MovedTransfer Moved(int id) =>
        new(Asked.Transfer(id, Asked.A, Asked.B), Amount.Of((uint)(100 + id)));
}
