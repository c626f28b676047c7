namespace Ledger.Actors.Storage;

/// <summary>The accounts of a hold.</summary>
internal readonly record struct HoldAccounts(AccountAddress Debit, AccountAddress Credit);
