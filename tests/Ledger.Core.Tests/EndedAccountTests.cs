using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>Goal: who asks an account that goes to sleep or moves learns whether it had begun: what has no id may be
/// sent again only
/// if not (I10). Method: one account that ends at each moment of a call.</summary>
public sealed class EndedAccountTests
{
    private readonly OneAccount account = new();

    [Fact]
    public void A_change_that_is_being_written_is_unknown()
    {
        account.WritesAtOnce = false;
        account.Take(new ChangeAccountRequest(new CloseAccount("x"), account.NextCaller(), account.In(60)));
        account.Runtime.Fail(RequestFailure.Relocating);
        account.LastAnswer<RequestFailed>().Reason.ShouldBe(RequestFailure.Relocating);
    }

    [Fact]
    public void A_change_that_waits_was_not_begun_with()
    {
        // The account's closing is in doubt, so the change waits.
        account.Take(new PostTransferRequest(
            Plain(1, A, B, Amount.Zero) with { Flags = TransferFlags.Pending | TransferFlags.ClosingDebit },
            account.NextCaller(), account.In(60)));
        account.Take(new ChangeAccountRequest(new ReopenAccount("x"), account.NextCaller(), account.In(60)));
        account.Runtime.Fail(RequestFailure.Relocating);

        // The transfer is prepared, and so unknown.
        account.Answers.OfType<RequestFailed>().Select(static one => one.Reason)
            .ShouldBe([RequestFailure.Relocating, RequestFailure.NotBegun]);
    }

    [Fact]
    public void An_extension_that_waits_for_the_journal_was_not_begun_with()
    {
        var forgetful = new OneAccount(options: new AccountMachineOptions { IdempotencyWindowMax = 1 });
        forgetful.Post(Plain(1, A, B, Amount.Of(1)));
        forgetful.Post(Plain(2, A, B, Amount.Of(1)));
        forgetful.WritesAtOnce = false;
        forgetful.Take(new ExtendHoldRequest(Id(1), forgetful.In(90), forgetful.NextCaller(), forgetful.In(60)));
        forgetful.Lookups.ShouldNotBeEmpty();
        forgetful.Runtime.Fail(RequestFailure.Relocating);
        forgetful.LastAnswer<RequestFailed>().Reason.ShouldBe(RequestFailure.NotBegun);
    }

    [Fact]
    public void A_late_copy_of_an_opening_changes_nothing()
    {
        var opening = new OpenAccountRequest(new AccountSpec(A, Usd, 1), account.NextCaller(), account.In(60));
        account.Take(new ChangeAccountRequest(new SetAccountLimits(Amount.Of(9), null), account.NextCaller(),
            account.In(60)));
        account.Take(new ChangeAccountRequest(new CloseAccount("x"), account.NextCaller(), account.In(60)));
        var rows = account.Rows.Count;
        account.Take(opening);

        account.LastAnswer<OpenAccountResponse>().Result.Status.ShouldBe(AccountStatus.Exists);
        account.Rows.Count.ShouldBe(rows);
    }
}
