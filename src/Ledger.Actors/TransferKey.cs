namespace Ledger;

/// <summary>A transfer that is looked up.</summary>
/// <param name="Account">Its debit or credit account; none when that is not known.</param>
/// <param name="Id">Its id.</param>
public readonly record struct TransferKey(AccountAddress Account, TransferId Id);
