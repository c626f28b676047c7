namespace Ledger;

/// <summary>Asks to post or to void all holds of a transaction. Immutable.</summary>
/// <param name="Id">The id of the new transaction, made by the client.</param>
/// <param name="Account">The coordinator of the transaction that made the holds.</param>
/// <param name="TransactionId">Its id.</param>
/// <param name="Post">Whether to post them; else they are voided.</param>
public sealed record TransactionResolution(TransferId Id, AccountAddress Account, TransferId TransactionId, bool Post)
{
    /// <summary>When the posts or voids count from a business point of view; null for when they are
    /// committed.</summary>
    public LedgerTime? EffectiveTime { get; init; }
}
