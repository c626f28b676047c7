namespace Ledger.Core.Tests.Requests;

/// <summary>What can be said of a transaction before any account is asked.</summary>
public sealed class TransactionShapeTests
{
    [Fact]
    public void A_well_formed_transaction_has_no_malformed_leg() => TransactionShape.FirstMalformed(Asked.Transaction(
        1, Asked.Leg(2, Asked.A, Asked.B), Asked.Opening(Asked.C), Asked.Leg(3, Asked.B, Asked.C))).ShouldBeNull();

    [Fact]
    public void The_first_malformed_leg_is_named()
    {
        var self = Asked.Leg(2, Asked.A, Asked.A);
        var noCode = TransactionLeg.Open(new AccountSpec(Asked.C, Asked.Euro, 0));

        TransactionShape.FirstMalformed(Asked.Transaction(1, Asked.Leg(3, Asked.A, Asked.B), noCode, self)).ShouldBe(
            new LegFailure(1, (TransferStatus)(int)AccountStatus.CodeMustNotBeZero));
        TransactionShape.FirstMalformed(Asked.Transaction(1, self, noCode)).ShouldBe(
            new LegFailure(0, TransferStatus.AccountsMustBeDifferent));
    }

    [Fact]
    public void A_transfer_must_name_its_asset_among_others_and_not_alone()
    {
        var bare = TransactionLeg.Of(Asked.Transfer(2, Asked.A, Asked.B) with { Asset = default });

        TransactionShape.FirstMalformed(Asked.Transaction(1, bare)).ShouldBeNull();
        TransactionShape.FirstMalformed(Asked.Transaction(1, Asked.Leg(3, Asked.A, Asked.B), bare)).ShouldBe(
            new LegFailure(1, TransferStatus.LedgerMustNotBeZero));
    }

    [Fact]
    public void A_post_whose_hold_is_not_known_has_nobody_to_ask()
    {
        var unknown = TransactionLeg.Of(Asked.Resolution(2, hold: 8));
        var half = TransactionLeg.Of(Asked.Resolution(2, hold: 8) with { DebitAccount = Asked.A });

        TransactionShape.FirstMalformed(Asked.Transaction(1, unknown)).ShouldBe(
            new LegFailure(0, TransferStatus.PendingTransferNotFound));
        TransactionShape.FirstMalformed(Asked.Transaction(1, half)).ShouldBe(
            new LegFailure(0, TransferStatus.PendingTransferNotFound));
    }

    [Fact]
    public void An_id_that_is_used_twice_is_compared()
    {
        TransactionShape.FirstMalformed(Asked.Transaction(
                1, Asked.Leg(2, Asked.A, Asked.B), Asked.Leg(2, Asked.A, Asked.B)))
            .ShouldBe(new LegFailure(1, TransferStatus.Exists));
        TransactionShape.FirstMalformed(Asked.Transaction(
                1, Asked.Leg(2, Asked.A, Asked.B), Asked.Leg(2, Asked.A, Asked.C)))
            .ShouldBe(new LegFailure(1, TransferStatus.ExistsWithDifferentCreditAccountId));
    }

    [Fact]
    public void The_coordinator_is_the_first_debit_account_or_the_first_that_is_opened()
    {
        TransactionShape.CoordinatorOf(Asked.Transaction(1, Asked.Opening(Asked.C), Asked.Leg(2, Asked.B, Asked.A)))
            .ShouldBe(Asked.B);
        TransactionShape.CoordinatorOf(Asked.Transaction(1, Asked.Opening(Asked.C), Asked.Opening(Asked.A)))
            .ShouldBe(Asked.C);
    }

    [Fact]
    public void A_transfer_that_was_sent_as_a_transaction_is_answered_as_a_transfer()
    {
        var transfer = Asked.Transfer(2, Asked.A, Asked.B, TransferFlags.OpenAccounts);
        var transaction = Transaction.Of(transfer.Id, transfer);
        var committed = Asked.Committed(transaction).Result with { Position = new RowPosition(Asked.B, 3) };

        var created = TransactionShape.AsTransfer(transfer, committed);
        created.Status.ShouldBe(TransferStatus.Created);
        created.Amount.ShouldBe(transfer.Amount);
        created.Position.ShouldBe(committed.Position);
        TransactionShape.AsTransfer(transfer, committed with { Status = TransferStatus.Exists, Replayed = true })
            .ShouldSatisfyAllConditions(
                result => result.Status.ShouldBe(TransferStatus.Exists), result => result.Replayed.ShouldBeTrue());

        TransactionShape.AsTransfer(
                transfer, TransactionRejection.Of(transaction, new LegFailure(0, TransferStatus.ExceedsCredits)))
            .Status.ShouldBe(TransferStatus.ExceedsCredits);
        var noId = TransactionRejection.OfId(transaction, TransferStatus.IdMustNotBeZero);
        TransactionShape.AsTransfer(transfer, noId with { Legs = [] }).Status.ShouldBe(TransferStatus.IdMustNotBeZero);
    }
}
