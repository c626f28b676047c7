namespace Ledger.Actors.Storage;

/// <summary>An account and a time by which a hold of it is due.</summary>
internal readonly record struct DueAccount(AccountAddress Account, LedgerTime Due);
