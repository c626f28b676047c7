namespace Ledger.Actors.Storage;

/// <summary>A note that an account is in doubt. The time, at the earliest that since when it has been so, tells it from
/// other notes of the account.</summary>
internal readonly record struct UnfinishedAccount(AccountAddress Account, LedgerTime Since);
