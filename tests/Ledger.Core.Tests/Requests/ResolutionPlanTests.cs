namespace Ledger.Core.Tests.Requests;

/// <summary>All holds of a transaction are posted, or voided, by one transaction.</summary>
public sealed class ResolutionPlanTests
{
    private static readonly ResolutionPlan Plan = new(Asked.Id(50), Asked.A, Asked.Id(1), IsPost: true);
    private static readonly Transaction Holds = Asked.Transaction(
        1, Asked.Leg(2, Asked.A, Asked.B, TransferFlags.Pending), Asked.Leg(3, Asked.A, Asked.B),
        Asked.Opening(Asked.D), Asked.Leg(4, Asked.C, Asked.B, TransferFlags.Pending));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Each_hold_is_resolved_in_full_and_nothing_else_is(bool isPost)
    {
        var plan = Plan with { IsPost = isPost, EffectiveTime = new LedgerTime(3) };

        var transaction = plan.TransactionOf(Asked.Committed(Holds));

        transaction.Id.ShouldBe(plan.Id);
        transaction.Legs.Select(static leg => leg.Transfer!).ShouldBe(new[] { 0, 3 }.Select((leg, i) =>
        {
            var hold = Holds.Legs[leg].Transfer!;
            return new Transfer(
                Transaction.LegId(plan.Id, i), hold.DebitAccount, hold.CreditAccount,
                isPost ? Amount.MaxValue : Amount.Zero, hold.Code)
            {
                Asset = hold.Asset,
                HoldId = hold.Id,
                Flags = isPost ? TransferFlags.PostPending : TransferFlags.VoidPending,
                EffectiveTime = new LedgerTime(3),
            };
        }));
        plan.CheckFound(transaction).ShouldBeNull();
    }

    [Fact]
    public void Where_there_are_no_holds_none_are_found()
    {
        var rejected = Asked.Committed(Holds) with
        {
            Result = TransactionRejection.Of(Holds, new LegFailure(0, TransferStatus.ExceedsCredits)),
        };
        var without = Asked.Committed(Asked.Transaction(1, Asked.Leg(2, Asked.A, Asked.B)));
        foreach (var record in new[] { null, rejected, without })
        {
            Plan.CheckFound(Plan.TransactionOf(record)).ShouldBe(new RequestProblem(
                RequestProblemKind.NotFound, $"No transaction {Plan.TransactionId} that made holds was found on a",
                "transaction_id"));
        }
    }

    [Fact]
    public void It_names_an_account_and_a_time_that_can_be_printed()
    {
        Plan.Check().ShouldBeNull();
        (Plan with { Account = default }).Check()!.Field.ShouldBe("account");
        (Plan with { EffectiveTime = new LedgerTime(long.MaxValue) }).Check()!.Field.ShouldBe("effective_time");
    }
}
