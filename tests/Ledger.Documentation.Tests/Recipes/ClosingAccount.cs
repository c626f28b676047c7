using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/close-account.md.</summary>
public sealed class ClosingAccount : Recipe
{
    [Fact]
    public async Task Account_is_swept_and_closed_in_one_transaction()
    {
        await ledger.OpenAccountsAsync([Open("bank", usd), Limited("alice", usd)]);
        await ledger.PostTransferAsync(Move("bank", "alice", 123_45, usd));

        // snippet: sweep
        var sweep = new Transfer(NewId(), At("alice"), At("bank"), Amount.MaxValue, Code: 1)
        {
            Asset = usd,
            BalancingDebit = true,
        };
        var close = Move("alice", "bank", 0, usd) with { Kind = TransferKind.Hold, ClosingDebit = true };
        var closed = await ledger.PostTransactionAsync(Transaction.Of(NewId(), sweep, close));
        // closed.Legs[0].Amount is 123.45, whatever it was a moment ago.
        // end

        var late = await ledger.PostTransferAsync(Move("bank", "alice", 1, usd));
        var whileClosed = await ledger.GetAccountAsync(At("alice"));

        // snippet: reopen
        var reopened = await ledger.PostTransferAsync(
            new Transfer(NewId(), default, default, Amount.Zero, Code: 0)
            {
                HoldId = close.Id,
                Kind = TransferKind.VoidHold,
            });
        // end

        closed.Legs.Select(static leg => leg.Amount).ShouldBe([Amount.Of(123_45), Amount.Zero]);
        late.Status.ShouldBe(TransferStatus.CreditAccountAlreadyClosed);
        whileClosed!.IsClosed.ShouldBeTrue();
        reopened.Status.ShouldBe(TransferStatus.Created);
        (await ledger.GetAccountAsync(At("alice")))!.IsClosed.ShouldBeFalse();
    }

    [Fact]
    public async Task Account_is_closed_by_a_change()
    {
        await ledger.OpenAccountsAsync([Open("bank", usd), Limited("alice", usd)]);

        // snippet: change
        var closed = await ledger.CloseAccountAsync(At("alice"), "moved away");
        var again = await ledger.CloseAccountAsync(At("alice"), "moved away");
        // closed.Status is Changed, again.Status is Unchanged.
        var back = await ledger.ReopenAccountAsync(At("alice"), "came back");
        // end

        (closed.Status, again.Status, back.Status).ShouldBe(
            (AccountStatus.Changed, AccountStatus.Unchanged, AccountStatus.Changed));
    }
}
