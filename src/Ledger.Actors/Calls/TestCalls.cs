using Akka.Actor;
using Ledger.Actors.HoldExpiry;

namespace Ledger.Actors.Calls;

/// <summary>What only tests may do to a ledger.</summary>
/// <param name="holdExpiry">The hold expiry; null before the ledger has started.</param>
internal sealed class TestCalls(Func<IActorRef?> holdExpiry)
{
    private static readonly TimeSpan ExpiryTimeout = TimeSpan.FromMinutes(2);

    /// <summary>Returns when all that is due by the ledger's clock has expired.</summary>
    public async Task ExpireDueHoldsAsync() =>
        await (holdExpiry() ?? throw new InvalidOperationException("The ledger has not started."))
            .Ask<ExpiryDone>(ExpireNow.Instance, ExpiryTimeout);
}
