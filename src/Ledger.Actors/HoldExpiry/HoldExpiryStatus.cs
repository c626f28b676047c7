namespace Ledger.Actors.HoldExpiry;

/// <summary>A moment of the hold expiry.</summary>
/// <param name="LastLook">When it last looked without failure; null before the first time.</param>
/// <param name="Failure">Why it could not look since; null when it could.</param>
/// <param name="Asked">How many accounts have been asked to expire what is due and have not finished.</param>
/// <param name="Stuck">How many of these have been asked several times.</param>
/// <param name="OldestDue">Since when the oldest unfinished hold has been due; null for none.</param>
/// <param name="HasRecovered">Whether what a dead process left in doubt has been found.</param>
internal sealed record HoldExpiryStatus(
    LedgerTime? LastLook, string? Failure, int Asked, int Stuck, LedgerTime? OldestDue, bool HasRecovered);
