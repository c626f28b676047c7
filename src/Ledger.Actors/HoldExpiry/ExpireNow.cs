namespace Ledger.Actors.HoldExpiry;

/// <summary>Asks the hold expiry to go on until no hold is due any more by the ledger's clock. Answered by
/// <see cref="ExpiryDone"/>, also when the store fails meanwhile; so the asker needs a limit of its own.</summary>
internal sealed class ExpireNow
{
    public static readonly ExpireNow Instance = new();
}
