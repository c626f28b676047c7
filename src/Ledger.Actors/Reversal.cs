namespace Ledger;

/// <summary>Asks to take back a transfer or a transaction. Immutable.</summary>
/// <param name="Id">The id of the correction, made by the client.</param>
/// <param name="Account">The debit account of the original, or of its first transfer; none when the caller does not
/// know it.</param>
/// <param name="OriginalId">The id of the transfer or transaction to take back.</param>
/// <param name="Reason">Why; not empty.</param>
public sealed record Reversal(TransferId Id, AccountAddress Account, TransferId OriginalId, string Reason)
{
    /// <summary>For a single transfer: how much of it to take back; null for all that is left.</summary>
    public Amount? Amount { get; init; }

    /// <summary>The caller's own code; 0 for that of the original.</summary>
    public uint Code { get; init; }

    /// <summary>The caller's own reference.</summary>
    public string Reference { get; init; } = "";

    /// <summary>When the correction counts from a business point of view; null for when it is committed. It is not the
    /// original's.</summary>
    public LedgerTime? EffectiveTime { get; init; }
}
