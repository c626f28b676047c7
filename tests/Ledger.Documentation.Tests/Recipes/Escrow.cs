using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/escrow.md.</summary>
public sealed class Escrow : Recipe
{
    [Fact]
    public async Task Deal_is_paid_in_and_paid_out_with_a_fee()
    {
        await ledger.OpenAccountsAsync(
            [Open("bank", usd), Open("seller", usd), Open("fees", usd), Limited("buyer", usd)]);
        await ledger.PostTransferAsync(Move("bank", "buyer", 500_00, usd));

        // snippet: pay-in
        var payIn = new Transaction(
            NewId(),
            [
                TransactionLeg.Open(Limited("escrow:deal-17", usd), ifMissing: true),
                TransactionLeg.Of(Move("buyer", "escrow:deal-17", 400_00, usd)),
            ]);
        var paidIn = await ledger.PostTransactionAsync(payIn);
        // end

        // snippet: dispute
        await ledger.FreezeAccountAsync(
            At("escrow:deal-17"), new AccountFreeze(Debits: true, Credits: false, "dispute 4", EndTime: null));
        // end
        var blocked = await ledger.PostTransferAsync(Move("escrow:deal-17", "seller", 1, usd));
        // snippet: settled
        await ledger.UnfreezeAccountAsync(At("escrow:deal-17"), "settled");
        // end

        // snippet: pay-out
        var payOut = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("escrow:deal-17", "seller", 380_00, usd),
            Move("escrow:deal-17", "fees", 20_00, usd),
            Move("escrow:deal-17", "seller", 0, usd) with
            {
                Kind = TransferKind.Hold, ClosingDebit = true,
            }));
        // end

        paidIn.Status.ShouldBe(TransferStatus.Created);
        blocked.Status.ShouldBe(TransferStatus.DebitAccountFrozen);
        payOut.Status.ShouldBe(TransferStatus.Created);
        (await BalanceAsync("seller")).ShouldBe("-38000");
        var escrow = (await ledger.GetAccountAsync(At("escrow:deal-17")))!;
        (escrow.IsClosed, escrow.Balances.Balance.ToString()).ShouldBe((true, "0"));
    }

    [Fact]
    public async Task Deal_that_falls_through_goes_back_to_the_buyer()
    {
        await ledger.OpenAccountsAsync([Open("bank", usd), Limited("buyer", usd), Limited("escrow:deal-17", usd)]);
        await ledger.PostTransferAsync(Move("bank", "buyer", 500_00, usd));
        var payIn = Transaction.Of(NewId(), Move("buyer", "escrow:deal-17", 400_00, usd));
        await ledger.PostTransactionAsync(payIn);

        // snippet: refund
        var refund = await ledger.ReverseTransactionAsync(
            new Reversal(NewId(), At("buyer"), payIn.Id, "the deal fell through"));
        // end

        refund.Status.ShouldBe(TransferStatus.Created);
        (await BalanceAsync("buyer")).ShouldBe("-50000");
    }
}
