namespace Ledger.Core;

/// <summary>What only few ids in memory have. Immutable.</summary>
internal sealed record IdempotencyDetails
{
    /// <summary>Nothing of it.</summary>
    public static readonly IdempotencyDetails None = new();

    /// <summary>Whether a transfer alone that is rejected for a reason uses its id up. The reasons are those that could
    /// be gone the next moment; the others say what is wrong with the request itself, which may be sent again
    /// fixed.</summary>
    /// <param name="reason">The reason.</param>
    public static bool ConsumesId(TransferStatus reason) => reason is
        TransferStatus.DebitAccountNotFound or TransferStatus.CreditAccountNotFound
        or TransferStatus.PendingTransferNotFound or TransferStatus.ExceedsCredits or TransferStatus.ExceedsDebits
        or TransferStatus.DebitAccountAlreadyClosed or TransferStatus.CreditAccountAlreadyClosed
        or TransferStatus.DebitAccountFrozen or TransferStatus.CreditAccountFrozen
        or TransferStatus.ExceedsHoldsWithCounterparty or TransferStatus.ExceedsHoldsOfAccount
        or TransferStatus.DecisionFailed
        or TransferStatus.AbortedByOperator;

    /// <summary>The digest of the request, where it differs from that of what was done.</summary>
    public UInt128? Asked { get; init; }

    /// <summary>For a rejection: whether it uses the id up, so that other content under it is refused.</summary>
    public bool IsIdConsumed { get; init; }

    /// <summary>For a rejection: the place of the leg that failed.</summary>
    public int FailedLeg { get; init; } = -1;

    /// <summary>For a rejection: the balances that were seen.</summary>
    public Balances? Seen { get; init; }

    /// <summary>For a hold: what has become of it.</summary>
    public HoldState Hold { get; init; }

    /// <summary>Whether the content in the journal must be read to answer a retry: there are several legs, or an amount
    /// that the request did not say.</summary>
    public bool NeedsContent { get; init; }
}
