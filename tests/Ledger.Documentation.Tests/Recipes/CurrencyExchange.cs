using Ledger.Documentation.Tests.Support;

namespace Ledger.Documentation.Tests.Recipes;

/// <summary>docs/recipes/currency-exchange.md.</summary>
public sealed class CurrencyExchange : Recipe
{
    [Fact]
    public async Task Both_currencies_move_or_none()
    {
        // snippet: accounts
        var eur = Asset.Parse("EUR/2");
        await ledger.OpenAccountsAsync(
        [
            Open("exchange:usd", usd), Open("exchange:eur", eur), Open("exchange:spread", usd),
            Limited("alice:usd", usd), Limited("alice:eur", eur),
        ]);
        await ledger.PostTransferAsync(Move("exchange:usd", "alice:usd", 100_00, usd));
        // end

        // snippet: exchange
        var exchange = Transaction.Of(
            NewId(),
            Move("alice:usd", "exchange:usd", 50_00, usd),
            Move("exchange:eur", "alice:eur", 46_00, eur),
            Move("alice:usd", "exchange:spread", 25, usd));
        var exchanged = await ledger.PostTransactionAsync(exchange);
        // end

        // snippet: rejected
        var tooMuch = await ledger.PostTransactionAsync(Transaction.Of(
            NewId(),
            Move("exchange:eur", "alice:eur", 92_00, eur),
            Move("alice:usd", "exchange:usd", 100_00, usd)));
        // tooMuch.Status is ExceedsCredits, tooMuch.FailedLeg is 1: no euro was moved.
        // end

        exchanged.Status.ShouldBe(TransferStatus.Created);
        (tooMuch.Status, tooMuch.FailedLeg, tooMuch.IsCommitted).ShouldBe((TransferStatus.ExceedsCredits, 1, false));
        (await BalanceAsync("alice:usd")).ShouldBe("-4975");
        (await BalanceAsync("alice:eur")).ShouldBe("-4600");
        (await BalanceAsync("exchange:spread")).ShouldBe("-25");
    }
}
