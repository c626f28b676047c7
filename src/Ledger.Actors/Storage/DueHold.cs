namespace Ledger.Actors.Storage;

/// <summary>A hold in the index.</summary>
internal readonly record struct DueHold(TransferId Id, AccountAddress Credit, LedgerTime Due);
