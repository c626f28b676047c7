namespace Ledger.Actors.Storage;

/// <summary>The accounts of a hold that will be due, and when.</summary>
internal readonly record struct UpcomingHold(AccountAddress Debit, AccountAddress Credit, LedgerTime Due);
