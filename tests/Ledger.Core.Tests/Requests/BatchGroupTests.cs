namespace Ledger.Core.Tests.Requests;

/// <summary>A chain is a transaction whose id follows from its content, and whose result is told item by
/// item.</summary>
public sealed class BatchGroupTests
{
    private static readonly BatchGroup Chain = new(
        3, [Asked.Opening(Asked.C), Asked.Leg(2, Asked.A, Asked.B), Asked.Leg(3, Asked.B, Asked.C)], IsOpen: false);

    [Fact]
    public void The_same_chain_is_the_same_transaction_and_another_is_another()
    {
        var transaction = Chain.ToTransaction();

        transaction.Legs.ShouldBe(Chain.Legs);
        transaction.Id.ShouldBe(Transaction.ChainId(Asked.Id(2), Chain.Legs));
        (Chain with { First = 0, Legs = [.. Chain.Legs] }).ToTransaction().Id.ShouldBe(transaction.Id);
        (Chain with { Legs = Chain.Legs.SetItem(2, Asked.Leg(3, Asked.B, Asked.D)) }).ToTransaction().Id
            .ShouldNotBe(transaction.Id);
    }

    [Fact]
    public void A_chain_that_only_opens_accounts_has_an_id_too() =>
        (Chain with { Legs = [Asked.Opening(Asked.A), Asked.Opening(Asked.B)] }).ToTransaction().Id.IsNil
            .ShouldBeFalse();

    [Fact]
    public void Each_item_of_a_committed_chain_is_created_and_of_a_repeated_one_exists()
    {
        var committed = Asked.Committed(Chain.ToTransaction()).Result with { Position = new RowPosition(Asked.A, 4) };

        Chain.Complete(committed).ShouldBeSameAs(committed);
        var created = Chain.ResultsOf(committed);
        created[0].Opening.ShouldBe(
            new OpenAccountResult(Asked.C, AccountStatus.Created, committed.CreateTime)
            {
                Position = committed.Position,
            });
        created[0].Transfer.ShouldBeNull();
        created[1].Transfer.ShouldBe(new TransferResult(
            Asked.Id(2), TransferStatus.Created, committed.CreateTime, false, null)
        {
            Amount = Amount.Of(10), Position = committed.Position,
        });
        created[1].Opening.ShouldBeNull();

        var again = Chain.ResultsOf(committed with { Status = TransferStatus.Exists, Replayed = true });
        again[0].Opening!.Status.ShouldBe(AccountStatus.Exists);
        again[1].Transfer!.ShouldSatisfyAllConditions(
            transfer => transfer.Status.ShouldBe(TransferStatus.Exists), transfer => transfer.Replayed.ShouldBeTrue());
    }

    [Fact]
    public void Only_the_item_that_failed_tells_the_balances_that_were_seen()
    {
        var failure = new LegFailure(1, TransferStatus.ExceedsCredits);
        var rejected = TransactionRejection.Of(Chain.ToTransaction(), failure) with
        {
            BalanceSeen = default(Balances),
        };

        var results = Chain.ResultsOf(Chain.Complete(rejected));

        results[1].Transfer!.Status.ShouldBe(TransferStatus.ExceedsCredits);
        results[1].Transfer!.BalanceSeen.ShouldNotBeNull();
        results[2].Transfer!.Status.ShouldBe(TransferStatus.LinkedEventFailed);
        results[2].Transfer!.BalanceSeen.ShouldBeNull();
        results[0].Opening!.Status.ShouldBe(AccountStatus.LinkedEventFailed);
    }

    [Fact]
    public void That_a_chain_is_open_is_told_of_its_last_item_whatever_else_failed()
    {
        var open = Chain with { IsOpen = true };
        var rejected = TransactionRejection.Of(open.ToTransaction(), new LegFailure(1, TransferStatus.ExceedsCredits));

        var results = open.ResultsOf(open.Complete(rejected));

        results[1].Transfer!.Status.ShouldBe(TransferStatus.ExceedsCredits);
        results[2].Transfer!.Status.ShouldBe(TransferStatus.LinkedEventChainOpen);

        var opening = open with { Legs = [.. open.Legs, Asked.Opening(Asked.D)] };
        opening.ResultsOf(opening.Complete(TransactionRejection.Of(
                opening.ToTransaction(),
                new LegFailure(3, (TransferStatus)(int)AccountStatus.LinkedEventChainOpen))))[3]
            .Opening!.Status.ShouldBe(AccountStatus.LinkedEventChainOpen);
    }

    [Fact]
    public void Its_keys_are_its_accounts_ids_and_holds()
    {
        Chain.FindKeys()!.Distinct().ShouldBe(
            [Asked.C, Asked.A, Asked.B, Asked.Id(2), Asked.Id(3)], ignoreOrder: true);
        (Chain with { Legs = [.. Chain.Legs, TransactionLeg.Of(Asked.Resolution(4, hold: 8))] }).FindKeys()
            .ShouldBeNull();
        (Chain with
        {
            Legs =
            [
                TransactionLeg.Of(
                    Asked.Resolution(4, hold: 8) with { DebitAccount = Asked.A, CreditAccount = Asked.B }),
            ],
        }).FindKeys()!.ShouldBe([Asked.A, Asked.B, Asked.Id(4), Asked.Id(8)], ignoreOrder: true);
    }
}
