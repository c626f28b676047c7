using Ledger.Actors.Storage;

namespace Ledger.Actors.HoldExpiry;

/// <summary>Finds the accounts of a hold by its id alone.</summary>
internal sealed class HoldLocator(IHoldIndex index)
{
    /// <summary>The accounts of a hold, however old, live or ended; null when there is none. Exact: a hold that was
    /// answered before the call is found.</summary>
    public async Task<HoldAccounts?> LocateAsync(TransferId hold, CancellationToken cancellationToken)
    {
        // A hold's accounts never change, so what the index has is true however far it lags.
        if (await index.FindHoldAsync(hold, cancellationToken) is { } known)
        {
            return known;
        }

        await index.CatchUpAsync(cancellationToken);
        return await index.FindHoldAsync(hold, cancellationToken);
    }
}
