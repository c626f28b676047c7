using Akka.Actor;
using Ledger.Actors.HoldExpiry;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>What only tests may do to a ledger.</summary>
/// <param name="dispatcher">Asks the accounts.</param>
/// <param name="options">Whether balances may be set.</param>
/// <param name="holdExpiry">The hold expiry; null before the ledger has started.</param>
internal sealed class TestCalls(RequestDispatcher dispatcher, LedgerOptions options, Func<IActorRef?> holdExpiry)
{
    private static readonly TimeSpan ExpiryTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Sets the counters of an account, where the options allow it.</summary>
    /// <param name="account">The account.</param>
    /// <param name="balances">The counters.</param>
    public async Task SeedAsync(AccountAddress account, Balances balances)
    {
        if (!options.AllowSeeding)
        {
            throw new InvalidOperationException("This ledger does not allow balances to be set.");
        }

        using var call = dispatcher.Begin(1, null, CancellationToken.None);
        var answer = await dispatcher.AskAsync(
            account, (caller, until) => new SeedBalancesRequest(balances, caller, until), call.End,
            retryOverload: false);
        if (answer is not SeedBalancesResponse)
        {
            throw CallFailures.Of(answer);
        }
    }

    /// <summary>Returns when all that is due by the ledger's clock has expired.</summary>
    public async Task ExpireDueHoldsAsync() =>
        await (holdExpiry() ?? throw new InvalidOperationException("The ledger has not started."))
            .Ask<ExpiryDone>(ExpireNow.Instance, ExpiryTimeout);
}
