namespace Ledger.Actors.Storage;

/// <summary>A hold that a fold has come across.</summary>
internal readonly record struct FoldedHold(
    TransferId Id, AccountAddress Debit, AccountAddress Credit, LedgerTime? Deadline, bool IsLive);
