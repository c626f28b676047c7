using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/fees.md.</summary>
public sealed class Fees : Recipe
{
    [Fact]
    public async Task Payment_and_fee_are_one()
    {
        await ledger.OpenAccountsAsync(
            [Open("bank", usd), Open("fees", usd), Open("shop", usd), Limited("alice", usd)]);
        await ledger.PostTransferAsync(Move("bank", "alice", 200_00, usd));

        // snippet: inside
        // Alice pays 100.00; the shop is paid 97.10.
        var inside = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("alice", "shop", 97_10, usd),
            Move("alice", "fees", 2_90, usd) with { Code = 2 }));
        // end

        // snippet: on-top
        // The shop is paid 100.00; Alice pays 102.90, or nothing.
        var onTop = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("alice", "shop", 100_00, usd),
            Move("alice", "fees", 2_90, usd) with { Code = 2 }));
        // onTop.Status is ExceedsCredits, onTop.FailedLeg is 1: the shop was not paid either.
        // end

        inside.Status.ShouldBe(TransferStatus.Created);
        (onTop.Status, onTop.FailedLeg).ShouldBe((TransferStatus.ExceedsCredits, 1));
        (await BalanceAsync("alice")).ShouldBe("-10000");
        (await BalanceAsync("shop")).ShouldBe("-9710");
        (await BalanceAsync("fees")).ShouldBe("-290");
    }
}
