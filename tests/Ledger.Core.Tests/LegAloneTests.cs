using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: one leg of a transaction that is sent by itself is answered for what it is: with its own amount where it was
/// committed;
/// as used up, by the journal and not by a node's memory, where it failed. Method: one account, from memory, from the
/// journal and
/// after a restart.
/// </summary>
public sealed class LegAloneTests
{
    [Theory]
    [InlineData(4096)]
    [InlineData(1)]
    public void A_leg_that_is_sent_again_alone_is_answered_with_its_own_amount(int remembered)
    {
        var account = new OneAccount(options: new AccountMachineOptions { IdempotencyWindowMax = remembered });
        var first = Plain(2, A, B, Amount.Of(100));
        var second = Plain(3, A, C, Amount.Of(7));
        account.Post(Transaction.Of(Id(1), first, second)).Status.ShouldBe(TransferStatus.Created);
        account.Post(Plain(9, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);

        foreach (var leg in new[] { second, first })
        {
            var again = account.Post(leg);
            again.Status.ShouldBe(TransferStatus.Exists);
            again.Amount.ShouldBe(leg.Amount);
            account.Take(new PostTransactionRequest(Transaction.Of(leg.Id, leg), account.NextCaller(), account.In(60)));
            var whole = account.LastAnswer<PostTransactionResponse>().Result;
            (whole.Id, whole.Status, whole.Legs
                .ShouldHaveSingleItem().Amount).ShouldBe((leg.Id, TransferStatus.Exists, leg.Amount));
            account.Take(new GetTransferRequest(leg.Id, account.NextCaller(), account.In(60)));
            account.LastAnswer<GetTransferResponse>().Record!.Amount.ShouldBe(leg.Amount);
        }

        // The whole again, with all its amounts; and the id of a leg for a whole is something else.
        account.Post(Transaction.Of(Id(1), first, second)).Legs.Select(static leg => leg.Amount)
            .ShouldBe([Amount.Of(100), Amount.Of(7)]);
        account.Post(Transaction.Of(Id(3), first, second)).Status.ShouldBe(TransferStatus.ExistsWithDifferentTransfers);
    }

    [Theory]
    [InlineData(4096, false)]
    [InlineData(1, false)]
    [InlineData(4096, true)]
    [InlineData(1, true)]
    public void The_id_of_a_leg_that_failed_is_used_up_for_ever(int remembered, bool restarts)
    {
        var account = new OneAccount(
            options: new AccountMachineOptions { IdempotencyWindowMax = remembered },
            spec: new AccountSpec(A, Usd, 1) { DebitsMustNotExceedCredits = Amount.Of(0) });
        var leg = Plain(2, A, B, Amount.Of(5));
        var rejected = account.Post(Transaction.Of(Id(1), leg));
        (rejected.Status, rejected.FailedLeg).ShouldBe((TransferStatus.ExceedsCredits, 0));

        // Now there is money, and much else has been done.
        account.Take(new CommitRequest(Branch(0, B, new ResolvedLeg(0, Plain(7, B, A, Amount.Of(50)),
            null) { Amount = Amount.Of(50) })));
        account.Post(Plain(8, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);
        if (restarts)
        {
            account.Restart();
        }

        account.Post(leg).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
        account.Post(Transaction.Of(Id(3), leg)).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
        account.Post(Transaction.Of(Id(1), leg)).Status.ShouldBe(TransferStatus.ExceedsCredits);
        account.Post(leg with { Id = Id(4) }).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public void A_leg_that_another_account_refused_is_used_up_at_the_coordinator()
    {
        var account = new OneAccount();
        var leg = Plain(3, A, C, Amount.Of(5));
        account.Take(new PostTransactionRequest(
            Transaction.Of(Id(1), Plain(2, A, B, Amount.Of(1)), leg), account.NextCaller(), account.In(60)));
        var prepare = account.Sent<PrepareRequest>().Last().Branch;
        account.Take(new Vote(prepare.Key, prepare.Digest, B, VoteKind.Yes, null));
        account.Take(new CommitResponse(
            prepare.Key, prepare.Digest, Committed: false, account.Now, new Refusal(1,
                TransferStatus.CreditAccountFrozen, Usd, null)));
        account.Take(new OutcomeAck(prepare.Key, prepare.Digest, B));
        account.LastAnswer<PostTransactionResponse>().Result.Status.ShouldBe(TransferStatus.CreditAccountFrozen);

        account.Post(leg).Status.ShouldBe(TransferStatus.IdAlreadyFailed);

        // The other leg did not fail, and may be tried again.
        account.Post(Plain(2, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(1)]
    public void An_attempt_that_was_refused_stays_refused_although_its_transfer_is_made_as_a_leg(int remembered)
    {
        var account = new OneAccount(options: new AccountMachineOptions { IdempotencyWindowMax = remembered });
        var leg = Plain(2, B, A, Amount.Of(5));
        var alone = Branch(0, B, new ResolvedLeg(0, leg, null) { Amount = leg.Amount }) with
        {
            Id = leg.Id, Asked = TransferContent.DigestOf(leg),
        };
        account.Take(new CommitRequest(alone, Cancel: true));
        account.Sent<CommitResponse>().Last().Committed.ShouldBeFalse();

        var whole = Branch(9, B, new ResolvedLeg(0, Plain(3, B, A, Amount.Of(1)), null) { Amount = Amount.Of(1) },
            new ResolvedLeg(1, leg, null) { Amount = leg.Amount });
        account.Take(new CommitRequest(whole));
        account.Sent<CommitResponse>().Last().Committed.ShouldBeTrue();

        // The request of the attempt comes once more, late.
        account.Take(new CommitRequest(alone));
        account.Sent<CommitResponse>().Last().Committed.ShouldBeFalse();
        account.State.Balances.CreditsPosted.ShouldBe(Amount.Of(6));
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(1)]
    public void A_used_up_id_stays_so_after_a_later_refusal_that_uses_nothing_up(int remembered)
    {
        var account = new OneAccount(options: new AccountMachineOptions { IdempotencyWindowMax = remembered });
        var leg = Plain(3, B, A, Amount.Of(5));
        account.Take(new PostTransactionRequest(
            Transaction.Of(Id(1), Plain(2, A, C, Amount.Of(1)), leg), account.NextCaller(), account.In(60)));
        var prepare = account.Sent<PrepareRequest>().Last().Branch;
        account.Take(new Vote(prepare.Key, prepare.Digest, C, VoteKind.Yes, null));
        account.Take(new CommitResponse(
            prepare.Key, prepare.Digest, Committed: false, account.Now, new Refusal(1,
                TransferStatus.DebitAccountFrozen, Usd, null)));
        account.Take(new OutcomeAck(prepare.Key, prepare.Digest, C));
        account.LastAnswer<PostTransactionResponse>().Result.Status.ShouldBe(TransferStatus.DebitAccountFrozen);
        account.Post(Plain(7, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);

        // Its debit account does not know that the id is used up. A later attempt of it is refused here, in a row.
        var alone = Branch(0, B, new ResolvedLeg(0, leg, null) { Amount = leg.Amount }) with
        {
            Id = leg.Id, Asked = TransferContent.DigestOf(leg), Attempt = 2,
        };
        account.Take(new CommitRequest(alone));
        account.Sent<CommitResponse>().Last().Refusal!.Reason.ShouldBe(TransferStatus.IdAlreadyFailed);
        account.Post(Plain(8, A, B, Amount.Of(1))).Status.ShouldBe(TransferStatus.Created);

        account.Take(
            new CommitRequest(Branch(9, B, new ResolvedLeg(0, leg, null) { Amount = leg.Amount }) with { Id = Id(9) }));
        var closed = account.Sent<CommitResponse>().Last();
        closed.Committed.ShouldBeFalse();
        closed.Refusal!.Reason.ShouldBe(TransferStatus.IdAlreadyFailed);
        account.Post(Transaction.Of(Id(10), leg)).Status.ShouldBe(TransferStatus.IdAlreadyFailed);
    }
}
