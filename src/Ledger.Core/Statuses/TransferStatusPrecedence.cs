namespace Ledger;

/// <summary>The order in which reasons are reported when several apply, as TigerBeetle documents it.</summary>
public static class TransferStatusPrecedence
{
    // Descending: the first one that applies is the one that is reported.
    private static readonly TransferStatus[] Order =
    [
        TransferStatus.LinkedEventFailed, TransferStatus.LinkedEventChainOpen,
        TransferStatus.IdMustNotBeZero, TransferStatus.IdMustNotBeIntMax, TransferStatus.IdFromTheFuture,
        TransferStatus.ExistsWithDifferentTransfers, TransferStatus.ExistsWithDifferentFlags,
        TransferStatus.ExistsWithDifferentPendingId, TransferStatus.ExistsWithDifferentTimeout,
        TransferStatus.ExistsWithDifferentReverses,
        TransferStatus.ExistsWithDifferentDebitAccountId, TransferStatus.ExistsWithDifferentCreditAccountId,
        TransferStatus.ExistsWithDifferentAmount, TransferStatus.ExistsWithDifferentReference,
        TransferStatus.ExistsWithDifferentMetadata, TransferStatus.ExistsWithDifferentEffectiveTime,
        TransferStatus.ExistsWithDifferentLedger,
        TransferStatus.ExistsWithDifferentCode, TransferStatus.Exists, TransferStatus.IdAlreadyFailed,
        TransferStatus.FlagsAreMutuallyExclusive,
        TransferStatus.DebitAccountIdMustNotBeZero, TransferStatus.DebitAccountIdMustNotBeIntMax,
        TransferStatus.CreditAccountIdMustNotBeZero, TransferStatus.CreditAccountIdMustNotBeIntMax,
        TransferStatus.AccountsMustBeDifferent, TransferStatus.PendingIdMustBeZero,
        TransferStatus.PendingIdMustNotBeZero, TransferStatus.PendingIdMustNotBeIntMax,
        TransferStatus.PendingIdMustBeDifferent, TransferStatus.TimeoutReservedForPendingTransfer,
        TransferStatus.ClosingTransferMustBePending, TransferStatus.ReasonMissing,
        TransferStatus.LedgerMustNotBeZero, TransferStatus.CodeMustNotBeZero,
        TransferStatus.DebitAccountNotFound, TransferStatus.CreditAccountNotFound,
        TransferStatus.AccountsMustHaveTheSameLedger, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts,
        TransferStatus.PendingTransferNotFound, TransferStatus.PendingTransferNotPending,
        TransferStatus.PendingTransferHasDifferentDebitAccountId,
        TransferStatus.PendingTransferHasDifferentCreditAccountId, TransferStatus.PendingTransferHasDifferentLedger,
        TransferStatus.PendingTransferHasDifferentCode, TransferStatus.ExceedsPendingTransferAmount,
        TransferStatus.PendingTransferHasDifferentAmount, TransferStatus.PendingTransferAlreadyPosted,
        TransferStatus.PendingTransferAlreadyVoided, TransferStatus.PendingTransferExpired,
        TransferStatus.ReversedTransferNotFound, TransferStatus.ReversedTransferNotPosted,
        TransferStatus.ReversedTransferHasDifferentAccounts, TransferStatus.ExceedsReversedTransferAmount,
        TransferStatus.DebitAccountAlreadyClosed, TransferStatus.CreditAccountAlreadyClosed,
        TransferStatus.DebitAccountFrozen, TransferStatus.CreditAccountFrozen,
        TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsCreditsPending,
        TransferStatus.OverflowsDebitsPosted, TransferStatus.OverflowsCreditsPosted,
        TransferStatus.OverflowsDebits, TransferStatus.OverflowsCredits, TransferStatus.OverflowsTimeout,
        TransferStatus.ExceedsCredits, TransferStatus.ExceedsDebits, TransferStatus.ExceedsHoldsWithCounterparty,
        TransferStatus.ExceedsHoldsOfAccount, TransferStatus.DecisionFailed, TransferStatus.AbortedByOperator,
    ];

    /// <summary>The rank of a reason: 0 is reported before all others.</summary>
    /// <param name="status">A reason for a rejection.</param>
    /// <exception cref="ArgumentOutOfRangeException">The status is no reason.</exception>
    public static int RankOf(TransferStatus status)
    {
        var rank = PlaceOf(status);
        return rank < Order.Length
            ? rank
            : throw new ArgumentOutOfRangeException(nameof(status), status, "This status is no reason.");
    }

    /// <summary>Whether one reason is reported before another. One that this version does not know, since an account on
    /// a newer node has given it, comes last.</summary>
    /// <param name="one">A reason.</param>
    /// <param name="other">Another.</param>
    public static bool Outranks(TransferStatus one, TransferStatus other) => PlaceOf(one) < PlaceOf(other);

    private static int PlaceOf(TransferStatus status)
    {
        var place = Array.IndexOf(Order, status);
        return place >= 0 ? place : Order.Length;
    }
}
