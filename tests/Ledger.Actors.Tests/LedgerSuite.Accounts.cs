namespace Ledger.Actors.Tests;

/// <content>Changes of accounts: frozen, closed, limited; and transfers that close them.</content>
public abstract partial class LedgerSuite
{
    [Fact]
    public async Task A_frozen_account_refuses_what_is_frozen_until_the_freeze_ends()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var hold = Hold(a, b, 3);
        await host.Ledger.PostTransferAsync(hold);
        var until = Later(2_000_000);
        var freeze = new FreezeAccount(new AccountFreeze(Debits: true, Credits: false, "inquiry", until));
        var changed = await host.Ledger.ChangeAccountAsync(a, freeze);
        changed.Status.ShouldBe(AccountStatus.Changed);
        changed.Account!.Freeze.ShouldBe(freeze.Freeze);
        (await host.Ledger.ChangeAccountAsync(a, freeze)).Status.ShouldBe(AccountStatus.Unchanged);

        var refused = Transfer(a, b, 1);
        (await host.Ledger.PostTransferAsync(refused)).Status.ShouldBe(TransferStatus.DebitAccountFrozen);
        (await host.Ledger.PostTransferAsync(Transfer(b, a, 1))).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(Void(hold))).Status.ShouldBe(TransferStatus.Created);

        await Task.Delay(TimeSpan.FromSeconds(2.1));
        (await host.Ledger.GetAccountAsync(a))!.Freeze.ShouldBeNull();
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.PostTransferAsync(refused)).Status.ShouldBe(TransferStatus.DebitAccountFrozen);
        (await host.Ledger.ChangeAccountAsync(a, freeze)).Status.ShouldBe(AccountStatus.EndHasPassed);
        (await host.Ledger.ChangeAccountAsync(Address("nobody"), freeze)).ShouldBe(
            new AccountChangeResult(AccountStatus.NotFound, null));
    }

    [Fact]
    public async Task A_freeze_of_credits_lasts_until_it_is_lifted_also_after_a_restart()
    {
        var freeze = new FreezeAccount(new AccountFreeze(Debits: false, Credits: true, "order 7", null));
        await using (var host = await StartAsync())
        {
            var (_, b) = await OpenTwoAsync(host.Ledger);
            (await host.Ledger.ChangeAccountAsync(b, freeze)).Status.ShouldBe(AccountStatus.Changed);
        }

        await using (var host = await StartAsync())
        {
            var (a, b) = (Address("a"), Address("b"));
            (await host.Ledger.GetAccountAsync(b))!.Freeze.ShouldBe(freeze.Freeze);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status
                .ShouldBe(TransferStatus.CreditAccountFrozen);
            (await host.Ledger.PostTransferAsync(Transfer(b, a, 1))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.ChangeAccountAsync(b, new UnfreezeAccount("lifted"))).Status
                .ShouldBe(AccountStatus.Changed);
            (await host.Ledger.ChangeAccountAsync(b, new UnfreezeAccount("lifted"))).Status
                .ShouldBe(AccountStatus.Unchanged);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        }
    }

    [Fact]
    public async Task A_closed_account_takes_nothing_but_the_end_of_its_holds_until_it_is_reopened()
    {
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            var (voided, posted) = (Hold(a, b, 3), Hold(a, b, 4));
            await host.Ledger.PostTransferAsync(voided);
            await host.Ledger.PostTransferAsync(posted);
            var closed = await host.Ledger.ChangeAccountAsync(a, new CloseAccount("left"));
            closed.Status.ShouldBe(AccountStatus.Changed);
            closed.Account!.IsClosed.ShouldBeTrue();
            closed.Account.ClosedReason.ShouldBe("left");
            (await host.Ledger.ChangeAccountAsync(a, new CloseAccount("left"))).Status
                .ShouldBe(AccountStatus.Unchanged);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status
                .ShouldBe(TransferStatus.DebitAccountAlreadyClosed);
            (await host.Ledger.PostTransferAsync(Transfer(b, a, 1))).Status
                .ShouldBe(TransferStatus.CreditAccountAlreadyClosed);
            (await host.Ledger.PostTransferAsync(Post(posted))).Status
                .ShouldBe(TransferStatus.DebitAccountAlreadyClosed);
            (await host.Ledger.PostTransferAsync(Void(voided))).Status.ShouldBe(TransferStatus.Created);
        }

        await using (var host = await StartAsync())
        {
            var (a, b) = (Address("a"), Address("b"));
            (await host.Ledger.GetAccountAsync(a))!.IsClosed.ShouldBeTrue();
            (await host.Ledger.OpenAccountsAsync([new AccountSpec(a, Usd, 1)]))[0].Status
                .ShouldBe(AccountStatus.Exists);
            (await host.Ledger.ChangeAccountAsync(a, new ReopenAccount("back"))).Status.ShouldBe(AccountStatus.Changed);
            (await host.Ledger.ChangeAccountAsync(a, new ReopenAccount("back"))).Status
                .ShouldBe(AccountStatus.Unchanged);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
            await ShouldBeAsync(host, a, debitsPosted: 1, debitsPending: 4, holds: 1);
        }
    }

    [Fact]
    public async Task A_closing_transfer_closes_its_account_until_it_is_voided()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        foreach (var (flag, closed) in new[] { (TransferFlags.ClosingDebit, a), (TransferFlags.ClosingCredit, b) })
        {
            var (debit, credit) = (Transfer(a, b, 1), Transfer(b, a, 1));
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 0) with { Flags = flag })).Status
                .ShouldBe(TransferStatus.ClosingTransferMustBePending);
            var closing = Transfer(a, b, 0) with { Flags = flag | TransferFlags.Pending };
            (await host.Ledger.PostTransferAsync(closing)).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetAccountAsync(closed))!.IsClosed.ShouldBeTrue();
            (await host.Ledger.PostTransferAsync(debit)).Status.ShouldBe(
                closed == a ? TransferStatus.DebitAccountAlreadyClosed : TransferStatus.CreditAccountAlreadyClosed);
            (await host.Ledger.PostTransferAsync(credit)).Status.ShouldBe(
                closed == a ? TransferStatus.CreditAccountAlreadyClosed : TransferStatus.DebitAccountAlreadyClosed);
            (await host.Ledger.PostTransferAsync(Void(closing))).Status.ShouldBe(TransferStatus.Created);
            (await host.Ledger.GetAccountAsync(closed))!.IsClosed.ShouldBeFalse();
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
        }
    }

    [Fact]
    public async Task A_closing_transfer_that_expires_opens_its_account_again()
    {
        await using var host = await StartAsync();
        var (a, b) = await OpenTwoAsync(host.Ledger);
        var closing = Transfer(a, b, 0) with
        {
            Flags = TransferFlags.ClosingDebit | TransferFlags.Pending, Timeout = TimeSpan.FromSeconds(1),
        };
        (await host.Ledger.PostTransferAsync(closing)).Status.ShouldBe(TransferStatus.Created);
        (await host.Ledger.GetAccountAsync(a))!.IsClosed.ShouldBeTrue();
        await EventuallyAsync(async () => !(await host.Ledger.GetAccountAsync(a))!.IsClosed);
        (await host.Ledger.PostTransferAsync(Transfer(a, b, 1))).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public async Task Limits_are_changed_unless_the_account_breaks_them_already()
    {
        await using (var host = await StartAsync())
        {
            var (a, b) = await OpenTwoAsync(host.Ledger);
            await host.Ledger.PostTransferAsync(Transfer(a, b, 50));
            (await host.Ledger.SetAccountLimitsAsync(a, Amount.Of(49), null)).Status
                .ShouldBe(AccountStatus.LimitIsExceeded);
            (await host.Ledger.ChangeAccountAsync(a, new SetAccountLimits(Amount.Zero, Amount.Zero))).Status
                .ShouldBe(AccountStatus.FlagsAreMutuallyExclusive);
            var changed = await host.Ledger.ChangeAccountAsync(a, new SetAccountLimits(Amount.Of(60), null));
            changed.Status.ShouldBe(AccountStatus.Changed);
            changed.Account!.Spec.DebitsMustNotExceedCredits.ShouldBe(Amount.Of(60));
            (await host.Ledger.ChangeAccountAsync(a, new SetAccountLimits(Amount.Of(60), null))).Status
                .ShouldBe(AccountStatus.Unchanged);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 11))).Status.ShouldBe(TransferStatus.ExceedsCredits);
        }

        await using (var host = await StartAsync())
        {
            var (a, b) = (Address("a"), Address("b"));
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 11))).Status.ShouldBe(TransferStatus.ExceedsCredits);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 10))).Status.ShouldBe(TransferStatus.Created);

            // The retry of the opening is compared with the opening.
            (await host.Ledger.OpenAccountsAsync([new AccountSpec(a, Usd, 1)]))[0].Status
                .ShouldBe(AccountStatus.Exists);
            (await host.Ledger.ChangeAccountAsync(a, new SetAccountLimits(null, null))).Status
                .ShouldBe(AccountStatus.Changed);
            (await host.Ledger.PostTransferAsync(Transfer(a, b, 1000))).Status.ShouldBe(TransferStatus.Created);
        }
    }
}
