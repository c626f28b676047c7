namespace Ledger.Core.Tests.Requests;

/// <summary>A rejected transaction has one reason, at the leg that failed, whoever says so.</summary>
public sealed class TransactionRejectionTests
{
    private static readonly Transaction Mixed = Asked.Transaction(
        1, Asked.Leg(2, Asked.A, Asked.B), Asked.Opening(Asked.C), Asked.Leg(3, Asked.B, Asked.C));

    [Fact]
    public void The_reason_of_a_transfer_is_that_of_the_transaction()
    {
        var result = TransactionRejection.Of(Mixed, new LegFailure(2, TransferStatus.ExceedsCredits));

        result.Status.ShouldBe(TransferStatus.ExceedsCredits);
        result.FailedLeg.ShouldBe(2);
        result.IsCommitted.ShouldBeFalse();
        result.Legs.ShouldBe(
        [
            new LegResult(TransferStatus.LinkedEventFailed, AccountStatus.None, Amount.Zero),
            new LegResult(TransferStatus.None, AccountStatus.LinkedEventFailed, Amount.Zero),
            new LegResult(TransferStatus.ExceedsCredits, AccountStatus.None, Amount.Zero),
        ]);
    }

    [Fact]
    public void The_reason_of_an_opening_is_not_that_of_the_transaction()
    {
        var result = TransactionRejection.Of(
            Mixed, new LegFailure(1, (TransferStatus)(int)AccountStatus.CodeMustNotBeZero));

        result.Status.ShouldBe(TransferStatus.LinkedEventFailed);
        result.Legs[1].ShouldBe(new LegResult(TransferStatus.None, AccountStatus.CodeMustNotBeZero, Amount.Zero));
        result.Legs.Where((_, i) => i != 1).ShouldAllBe(static leg => leg.Transfer == TransferStatus.LinkedEventFailed);
    }

    [Fact]
    public void The_reason_of_the_id_is_that_of_the_transaction_whatever_its_first_leg_is()
    {
        foreach (var first in new[] { Asked.Leg(2, Asked.A, Asked.B), Asked.Opening(Asked.A) })
        {
            var result = TransactionRejection.OfId(new Transaction(default, [first]), TransferStatus.IdMustNotBeZero);

            result.Status.ShouldBe(TransferStatus.IdMustNotBeZero);
            result.FailedLeg.ShouldBe(0);
        }
    }

    [Fact]
    public void An_account_and_the_node_that_asks_it_say_it_alike()
    {
        var branch = BranchOf(Mixed);
        for (var failed = 0; failed < Mixed.Legs.Length; failed++)
        {
            var reason = (TransferStatus)(int)AccountStatus.CodeMustNotBeZero;
            var here = TransactionRejection.Of(Mixed, new LegFailure(failed, reason));
            var there = TransactionRejection.Of(branch, failed, reason, default, null, replayed: false);

            there.Legs.ShouldBe(here.Legs);
            (there with { Legs = here.Legs }).ShouldBe(here);
        }
    }

    [Fact]
    public void What_the_account_knows_besides_is_kept()
    {
        var seen = default(Balances);
        var position = new RowPosition(Asked.A, 5);

        var result = TransactionRejection.Of(
            BranchOf(Mixed), 0, TransferStatus.ExceedsCredits, new LedgerTime(9), seen, replayed: true, position);

        result.CreateTime.ShouldBe(new LedgerTime(9));
        result.Replayed.ShouldBeTrue();
        result.BalanceSeen.ShouldBe(seen);
        result.Position.ShouldBe(position);
    }

    private static TransactionBranch BranchOf(Transaction transaction) => new()
    {
        Id = transaction.Id,
        Coordinator = Requests.Asked.A,
        LegCount = transaction.Legs.Length,
        Asked = default,
        Legs = [.. transaction.Legs.Select(static (leg, i) => new ResolvedLeg(i, leg.Transfer, leg.Opening))],
    };
}
