using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/many-to-many.md.</summary>
public sealed class ManyToMany : Recipe
{
    [Fact]
    public async Task Several_pay_several()
    {
        await ledger.OpenAccountsAsync(
        [
            Open("bank", usd), Open("landlord", usd), Open("cleaner", usd), Open("shared", usd),
            Limited("anna", usd), Limited("ben", usd),
        ]);
        await ledger.PostTransferAsync(Move("bank", "anna", 500_00, usd));
        await ledger.PostTransferAsync(Move("bank", "ben", 500_00, usd));

        // snippet: control
        // Who paid for whom is nobody's business: each debit and each credit has the control account on its other side.
        var rent = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("anna", "shared", 300_00, usd),
            Move("ben", "shared", 200_00, usd),
            Move("shared", "landlord", 450_00, usd),
            Move("shared", "cleaner", 50_00, usd)));
        // end

        rent.Status.ShouldBe(TransferStatus.Created);
        (await BalanceAsync("shared")).ShouldBe("0");
        (await BalanceAsync("landlord")).ShouldBe("-45000");
    }

    [Fact]
    public async Task Several_sources_are_drained_until_the_amount_is_reached()
    {
        // snippet: pull-accounts
        await ledger.OpenAccountsAsync(
        [
            Open("bank", usd), Open("shop", usd),
            Limited("alice:gift-card", usd), Limited("alice:bonus", usd), Limited("alice:wallet", usd),
            // It can be credited only up to what it was debited, so it lacks exactly what is still to be pulled.
            Open("pull", usd) with { CreditsMustNotExceedDebits = Amount.Zero },
            // It is always empty: to take anything from it fails.
            Limited("pull:shortfall", usd),
        ]);
        // end
        await ledger.PostTransferAsync(Move("bank", "alice:gift-card", 25_00, usd));
        await ledger.PostTransferAsync(Move("bank", "alice:bonus", 5_00, usd));
        await ledger.PostTransferAsync(Move("bank", "alice:wallet", 100_00, usd));

        // snippet: pull
        var paid = await ledger.PostTransactionAsync(Pull(80_00));
        // paid.Legs: 80.00 to the shop, then 25.00, 5.00 and 50.00 from the sources, and 0 lacks.
        var refused = await ledger.PostTransactionAsync(Pull(80_00));
        // refused.Status is ExceedsCredits, refused.FailedLeg is 4: the sources have 50.00 together.

        Transaction Pull(ulong amount)
        {
            return Transaction.Of(
                NewId(),
                Move("pull", "shop", amount, usd),
                WhatIsThere("alice:gift-card"),
                WhatIsThere("alice:bonus"),
                WhatIsThere("alice:wallet"),
                Move("pull:shortfall", "pull", amount, usd) with { BalancingCredit = true }); // What lacks.

            Transfer WhatIsThere(string source) =>
                Move(source, "pull", amount, usd) with { BalancingDebit = true, BalancingCredit = true };
        }
        // end

        paid.Legs.Select(static leg => leg.Amount).ShouldBe(
            [Amount.Of(80_00), Amount.Of(25_00), Amount.Of(5_00), Amount.Of(50_00), Amount.Zero]);
        (refused.Status, refused.FailedLeg).ShouldBe((TransferStatus.ExceedsCredits, 4));
        (await BalanceAsync("alice:wallet")).ShouldBe("-5000");
        (await BalanceAsync("pull")).ShouldBe("0");
    }

    [Fact]
    public async Task Pulls_at_the_same_time_take_what_there_is_and_no_more()
    {
        await ledger.OpenAccountsAsync(
        [
            Open("bank", usd), Open("shop", usd), Limited("a", usd), Limited("b", usd), Limited("pull:shortfall", usd),
            Open("pull", usd) with { CreditsMustNotExceedDebits = Amount.Zero },
        ]);
        await ledger.PostTransferAsync(Move("bank", "a", 25, usd));
        await ledger.PostTransferAsync(Move("bank", "b", 25, usd));
        var results = await Task.WhenAll(Enumerable.Range(0, 7).Select(_ => ledger.PostTransactionAsync(
            Transaction.Of(
                NewId(),
                Move("pull", "shop", 10, usd),
                Move("a", "pull", 10, usd) with { BalancingDebit = true, BalancingCredit = true },
                Move("b", "pull", 10, usd) with { BalancingDebit = true, BalancingCredit = true },
                Move("pull:shortfall", "pull", 10, usd) with { BalancingCredit = true }),
            TimeSpan.FromMinutes(1))));

        // Nobody's money is lost; but one that met another's reservation may be refused.
        var committed = results.Count(static result => result.IsCommitted);
        committed.ShouldBeInRange(1, 5);
        results.Where(static result => !result.IsCommitted).ShouldAllBe(static result =>
            result.Status == TransferStatus.ExceedsCredits && result.FailedLeg == 3);
        (await BalanceAsync("shop")).ShouldBe($"{-10 * committed}");
        (await BalanceAsync("pull")).ShouldBe("0");
    }
}
