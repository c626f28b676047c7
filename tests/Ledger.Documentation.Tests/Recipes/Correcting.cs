using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/correcting.md.</summary>
public sealed class Correcting : Recipe
{
    [Fact]
    public async Task What_was_posted_is_taken_back_wholly_or_in_part_and_never_twice()
    {
        await ledger.OpenAccountsAsync(
            [Open("bank", usd), Open("shop", usd), Open("fees", usd), Limited("alice", usd)]);
        await ledger.PostTransferAsync(Move("bank", "alice", 200_00, usd));

        // snippet: partial
        var payment = Move("alice", "shop", 80_00, usd);
        await ledger.PostTransferAsync(payment);
        var refund = await ledger.ReverseTransactionAsync(
            new Reversal(NewId(), At("alice"), payment.Id, "one shirt sent back") { Amount = Amount.Of(30_00) });
        var rest = await ledger.ReverseTransactionAsync(
            new Reversal(NewId(), At("alice"), payment.Id, "the order was lost"));
        // rest.Legs[0].Amount is 50.00: all that was left.
        var again = await ledger.ReverseTransactionAsync(new Reversal(NewId(), At("alice"), payment.Id, "lost, again"));
        // again.Status is ExceedsReversedTransferAmount.
        // end

        // snippet: whole
        var order = Transaction.Of(
            NewId(), Move("alice", "shop", 97_10, usd), Move("alice", "fees", 2_90, usd) with { Code = 2 });
        await ledger.PostTransactionAsync(order);
        var undone =
            await ledger.ReverseTransactionAsync(new Reversal(NewId(), At("alice"), order.Id, "charged twice"));
        // Both legs are taken back, the last one first.
        // end

        refund.IsCommitted.ShouldBeTrue();
        rest.Legs.Single().Amount.ShouldBe(Amount.Of(50_00));
        again.Status.ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
        undone.Legs.Select(static leg => leg.Amount).ShouldBe([Amount.Of(2_90), Amount.Of(97_10)]);
        (await BalanceAsync("alice")).ShouldBe("-20000");
    }
}
