using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests;

/// <summary>Goal: what docs/concepts says, where one could doubt it, is so. Method: a test for each such sentence, on a
/// new ledger.</summary>
public sealed class ConceptTests : Recipe
{
    private static readonly Asset eur = Asset.Parse("EUR/2");

    // ------------------------------------------------------------ transfers.md

    [Fact]
    public async Task Reason_that_could_be_gone_the_next_moment_uses_an_id_up()
    {
        await OpenAsync();
        var transfer = Move("alice", "bank", 5, usd);
        var first = await ledger.PostTransferAsync(transfer);
        await ledger.PostTransferAsync(Move("bank", "alice", 5, usd));
        var same = await ledger.PostTransferAsync(transfer);
        var other = await ledger.PostTransferAsync(transfer with { Amount = Amount.Of(4) });

        (first.Status, same.Status, same.Replayed)
            .ShouldBe((TransferStatus.ExceedsCredits, TransferStatus.ExceedsCredits, true));
        same.BalanceSeen.ShouldBe(first.BalanceSeen);
        other.Status.ShouldBe(TransferStatus.IdAlreadyFailed);
    }

    [Fact]
    public async Task What_is_wrong_with_the_request_itself_does_not_use_an_id_up()
    {
        await OpenAsync();
        await ledger.OpenAccountsAsync([Open("euros", eur)]);
        var wrong = new Transfer(NewId(), At("bank"), At("euros"), Amount.Of(5), 1);
        var first = await ledger.PostTransferAsync(wrong);
        var mended = await ledger.PostTransferAsync(wrong with { CreditAccount = At("alice") });
        var late = await ledger.PostTransferAsync(wrong);

        first.Status.ShouldBe(TransferStatus.AccountsMustHaveTheSameLedger);
        mended.Status.ShouldBe(TransferStatus.Created);
        late.Status.ShouldBe(TransferStatus.ExistsWithDifferentCreditAccountId);
    }

    // ------------------------------------------------------------ holds.md

    [Fact]
    public async Task Hold_whose_time_is_up_is_neither_posted_nor_extended_and_one_without_a_timeout_can_get_one()
    {
        await OpenAsync();
        var brief = Hold("bank", "alice", 5) with { Timeout = TimeSpan.FromMilliseconds(200) };
        var lasting = Hold("bank", "alice", 5);
        await ledger.PostTransferAsync(brief);
        await ledger.PostTransferAsync(lasting);
        await Task.Delay(400);
        var later = LedgerTime.From(DateTimeOffset.UtcNow.AddHours(1));
        var posted = await ledger.PostTransferAsync(Post(brief));
        var extended = await ledger.ExtendHoldAsync(new ExtendHold(brief.Id, later));
        var limited = await ledger.ExtendHoldAsync(new ExtendHold(lasting.Id, later));
        var again = await ledger.ExtendHoldAsync(new ExtendHold(lasting.Id, later));
        var record = await ledger.GetTransferAsync(default, brief.Id);

        posted.Status.ShouldBe(TransferStatus.PendingTransferExpired);
        extended.Status.ShouldBe(TransferStatus.PendingTransferExpired);
        (limited.Status, again.Status).ShouldBe((TransferStatus.Created, TransferStatus.Exists));
        record!.Hold.ShouldBe(HoldState.Expired);
    }

    [Fact]
    public async Task Balancing_hold_reserves_what_there_is()
    {
        await OpenAsync();
        await ledger.PostTransferAsync(Move("bank", "alice", 5, usd));
        var hold = Hold("alice", "bank", 100) with { Kind = TransferKind.Hold, BalancingDebit = true };
        var held = await ledger.PostTransferAsync(hold);

        held.Amount.ShouldBe(Amount.Of(5));
        (await ledger.PostTransferAsync(Post(hold))).Amount.ShouldBe(Amount.Of(5));
    }

    // ------------------------------------------------------------ transactions.md

    [Fact]
    public async Task Rejected_transaction_uses_its_id_up()
    {
        await OpenAsync();
        var id = NewId();
        var first = await ledger.PostTransactionAsync(
            Transaction.Of(id, Move("bank", "alice", 5, usd), Move("alice", "bank", 6, usd)));
        var other = await ledger.PostTransactionAsync(
            Transaction.Of(id, Move("bank", "alice", 5, usd), Move("alice", "bank", 5, usd)));

        (first.Status, first.FailedLeg).ShouldBe((TransferStatus.ExceedsCredits, 1));
        other.IsCommitted.ShouldBeFalse();
        other.Status.ShouldBeOneOf(TransferStatus.IdAlreadyFailed, TransferStatus.ExistsWithDifferentTransfers);
        (await BalanceAsync("bank")).ShouldBe("0");
    }

    [Fact]
    public async Task Retry_of_a_rejected_transaction_is_told_what_the_first_was()
    {
        await OpenAsync();
        var transaction = Transaction.Of(NewId(), Move("bank", "alice", 5, usd), Move("alice", "bank", 6, usd));
        var first = await ledger.PostTransactionAsync(transaction);
        await ledger.PostTransferAsync(Move("bank", "alice", 10, usd));
        var again = await ledger.PostTransactionAsync(transaction);

        (again.Status, again.FailedLeg, again.Replayed).ShouldBe((TransferStatus.ExceedsCredits, 1, true));
        again.BalanceSeen.ShouldBe(first.BalanceSeen);
    }

    [Fact]
    public async Task Order_counts_and_what_an_earlier_leg_brings_a_later_one_spends()
    {
        await OpenAsync();
        var inOrder = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(), Move("bank", "alice", 5, usd), Move("alice", "bank", 5, usd)));
        var against = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(), Move("alice", "bank", 5, usd), Move("bank", "alice", 5, usd)));

        inOrder.IsCommitted.ShouldBeTrue();
        (against.Status, against.FailedLeg).ShouldBe((TransferStatus.ExceedsCredits, 0));
    }

    [Fact]
    public async Task Later_leg_posts_the_hold_of_an_earlier_one()
    {
        await OpenAsync();
        var hold = Hold("bank", "alice", 5);
        var posted = await ledger.PostTransactionAsync(Transaction.Of(NewId(), hold, Post(hold, 3)));

        posted.IsCommitted.ShouldBeTrue();
        (await BalanceAsync("alice")).ShouldBe("-3");
    }

    [Fact]
    public async Task Opening_of_what_is_there_fails_unless_only_if_missing()
    {
        await OpenAsync();
        var strict = await ledger.PostTransactionAsync(new Transaction(
            NewId(), [TransactionLeg.Open(Open("bank", usd)), TransactionLeg.Of(Move("bank", "alice", 5, usd))]));
        var lenient = await ledger.PostTransactionAsync(new Transaction(
            NewId(),
            [TransactionLeg.Open(Open("bank", eur), ifMissing: true),
                TransactionLeg.Of(Move("bank", "alice", 5, usd))]));

        (strict.Status, strict.FailedLeg).ShouldBe((TransferStatus.LinkedEventFailed, 0));
        strict.Legs[0].Opening.ShouldBe(AccountStatus.Exists);
        lenient.IsCommitted.ShouldBeTrue();
    }

    // ------------------------------------------------------------ balancing.md

    [Fact]
    public async Task Account_without_a_limit_has_available_what_it_has()
    {
        await OpenAsync();
        await ledger.OpenAccountsAsync([Open("free", usd)]);
        await ledger.PostTransferAsync(Move("bank", "free", 5, usd));
        var all =
            new Transfer(NewId(), At("free"), At("bank"), Amount.MaxValue, 1) { BalancingDebit = true };
        var moved = await ledger.PostTransferAsync(all);
        var nothing = await ledger.PostTransferAsync(all with { Id = NewId() });
        var retry = await ledger.PostTransferAsync(all);

        (moved.Amount, nothing.Status, nothing.Amount).ShouldBe((Amount.Of(5), TransferStatus.Created, Amount.Zero));
        (retry.Status, retry.Amount).ShouldBe((TransferStatus.Exists, Amount.Of(5)));
    }

    // ------------------------------------------------------------ closing.md

    [Fact]
    public async Task Closing_hold_is_not_posted_while_it_closes_and_its_void_opens_nothing_that_a_change_has_closed()
    {
        await OpenAsync();
        var hold = Hold("alice", "bank", 0) with { Kind = TransferKind.Hold, ClosingDebit = true };
        await ledger.PostTransferAsync(hold);
        var posted = await ledger.PostTransferAsync(Post(hold));
        var change = await ledger.ChangeAccountAsync(At("alice"), new CloseAccount("moved"));
        var voided = await ledger.PostTransferAsync(Void(hold));
        var afterVoid = await ledger.GetAccountAsync(At("alice"));
        await ledger.ChangeAccountAsync(At("alice"), new ReopenAccount(""));

        posted.Status.ShouldBe(TransferStatus.DebitAccountAlreadyClosed);
        change.Status.ShouldBe(AccountStatus.Changed);
        voided.Status.ShouldBe(TransferStatus.Created);
        afterVoid!.IsClosed.ShouldBeTrue();
        afterVoid.ClosedReason.ShouldBe("moved");
        (await ledger.GetAccountAsync(At("alice")))!.IsClosed.ShouldBeFalse();
    }

    [Fact]
    public async Task Hold_of_an_account_that_is_closed_is_voided_and_not_posted()
    {
        await OpenAsync();
        var hold = Hold("bank", "alice", 5);
        await ledger.PostTransferAsync(hold);
        await ledger.ChangeAccountAsync(At("alice"), new CloseAccount("moved"));
        var posted = await ledger.PostTransferAsync(Post(hold));
        var voided = await ledger.PostTransferAsync(Void(hold));

        posted.Status.ShouldBe(TransferStatus.CreditAccountAlreadyClosed);
        voided.Status.ShouldBe(TransferStatus.Created);
    }

    // ------------------------------------------------------------ corrections.md

    [Fact]
    public async Task Whole_transaction_is_not_taken_back_when_a_leg_was()
    {
        await OpenAsync();
        var order = Transaction.Of(NewId(), Move("bank", "alice", 5, usd), Move("bank", "alice", 7, usd));
        await ledger.PostTransactionAsync(order);
        var leg = await ledger.ReverseTransactionAsync(
            new Reversal(NewId(), At("bank"), order.Legs[1].Transfer!.Id, "wrong") { Amount = Amount.Of(1) });
        var whole = await ledger.ReverseTransactionAsync(new Reversal(NewId(), At("bank"), order.Id, "wrong"));

        leg.IsCommitted.ShouldBeTrue();
        whole.Status.ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        (await BalanceAsync("bank")).ShouldBe("11");
    }

    [Fact]
    public async Task Post_is_taken_back_and_its_hold_is_not_and_a_correction_can_be_taken_back()
    {
        await OpenAsync();
        var hold = Hold("bank", "alice", 5);
        var post = Post(hold);
        await ledger.PostTransferAsync(hold);
        await ledger.PostTransferAsync(post);
        var ofHold = await Should.ThrowAsync<LedgerException>(
            () => ledger.ReverseTransactionAsync(new Reversal(NewId(), At("bank"), hold.Id, "wrong")));
        var correction = new Reversal(NewId(), At("bank"), post.Id, "wrong");
        var ofPost = await ledger.ReverseTransactionAsync(correction);
        var ofCorrection = await ledger.ReverseTransactionAsync(
            new Reversal(NewId(), At("alice"), correction.Id, "right after all"));

        ofHold.Reason.ShouldBe(LedgerErrorReason.NotFound);
        ofPost.IsCommitted.ShouldBeTrue();
        ofCorrection.IsCommitted.ShouldBeTrue();
        (await BalanceAsync("alice")).ShouldBe("-5");
    }

    [Fact]
    public async Task What_was_wrong_is_taken_back_and_posted_anew_in_one_transaction()
    {
        await OpenAsync();
        var wrong = Move("bank", "alice", 50, usd);
        await ledger.PostTransferAsync(wrong);
        var corrected = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("alice", "bank", 50, usd) with { Reverses = wrong.Id, Reason = "a zero too many" },
            Move("bank", "alice", 5, usd)));

        corrected.IsCommitted.ShouldBeTrue();
        (await BalanceAsync("alice")).ShouldBe("-5");
    }

    // ------------------------------------------------------------ batches.md

    [Fact]
    public async Task Chain_sent_again_is_the_same_and_one_that_is_changed_fails()
    {
        await OpenAsync();
        BatchItem[] chain =
        [
            new(TransactionLeg.Of(Move("bank", "alice", 5, usd)), Linked: true),
            new(TransactionLeg.Of(Move("alice", "bank", 2, usd))),
        ];
        var first = await ledger.SubmitBatchAsync(chain);
        var again = await ledger.SubmitBatchAsync(chain);
        var changed = await ledger.SubmitBatchAsync([chain[0], new(TransactionLeg.Of(Move("alice", "bank", 1, usd)))]);

        first.ShouldAllBe(static item => item.Transfer!.Status == TransferStatus.Created);
        again.ShouldAllBe(static item => item.Transfer!.Status == TransferStatus.Exists);
        changed.Select(static item => item.Transfer!.Status)
            .ShouldBe([TransferStatus.Exists, TransferStatus.LinkedEventFailed]);
    }

    // ------------------------------------------------------------ accounts.md, statements.md

    [Fact]
    public async Task Retry_of_an_opening_is_compared_with_the_opening()
    {
        await OpenAsync();
        await ledger.ChangeAccountAsync(At("alice"), new SetAccountLimits(Amount.Of(500), null));
        await ledger.ChangeAccountAsync(At("alice"), new FreezeAccount(new AccountFreeze(true, false, "one", null)));
        var refrozen = await ledger.ChangeAccountAsync(
            At("alice"), new FreezeAccount(new AccountFreeze(false, true, "two", null)));
        var opened = await ledger.OpenAccountsAsync([Limited("alice", usd)]);

        opened[0].Status.ShouldBe(AccountStatus.Exists);
        refrozen.Account!.Freeze.ShouldBe(new AccountFreeze(false, true, "two", null));
    }

    [Fact]
    public async Task Only_what_moves_money_is_an_entry()
    {
        await OpenAsync();
        var (posted, voided) = (Hold("bank", "alice", 5), Hold("bank", "alice", 5));
        await ledger.PostTransferAsync(posted);
        await ledger.PostTransferAsync(voided);
        await ledger.PostTransferAsync(Void(voided));
        await ledger.PostTransferAsync(Post(posted));
        await ledger.PostTransferAsync(Move("bank", "alice", 0, usd));
        var page = await ledger.ListStatementAsync(new StatementQuery(At("alice")));

        page!.Entries.Select(static entry => (entry.Sequence, entry.Transfer.Amount)).ShouldBe(
            [(1UL, Amount.Of(5)), (2UL, Amount.Zero)]);
    }

    private async Task OpenAsync() => await ledger.OpenAccountsAsync([Open("bank", usd), Limited("alice", usd)]);

    private static Transfer Hold(string debit, string credit, ulong amount) =>
        Move(debit, credit, amount, usd) with { Kind = TransferKind.Hold };

    private static Transfer Post(Transfer hold, ulong? amount = null) =>
        new(NewId(), default, default, amount is { } part ? Amount.Of(part) : Amount.MaxValue, 0)
        {
            HoldId = hold.Id, Kind = TransferKind.PostHold,
        };

    private static Transfer Void(Transfer hold) =>
        new(NewId(), default, default, Amount.Zero, 0) { HoldId = hold.Id, Kind = TransferKind.VoidHold };
}
