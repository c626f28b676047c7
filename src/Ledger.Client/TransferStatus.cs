namespace Ledger.Client;

/// <summary>The outcome of a transfer. Names, numbers and meaning are those of the API. An outcome marked "journaled"
/// is definitive: the same id is answered the same way for ever.</summary>
/// <remarks>A number that this version of the client has no name for is possible: treat it as a rejection that you can
/// not explain.</remarks>
public enum TransferStatus
{
    /// <summary>Never sent by the ledger.</summary>
    Unspecified = 0,

    /// <summary>Another item of the same transaction or chain failed, and so none of it happened. The caller looks at
    /// the item that failed.</summary>
    LinkedEventFailed = 1,

    /// <summary>The last item of a batch is linked to a next one that is not there. Nothing of its chain was
    /// recorded.</summary>
    LinkedEventChainOpen = 2,

    /// <summary>The id is nil. Nothing was recorded.</summary>
    IdMustNotBeZero = 5,

    /// <summary>The id is all ones. Nothing was recorded.</summary>
    IdMustNotBeIntMax = 6,

    /// <summary>Properties were set that exclude each other, such as balancing on the post of a hold. Nothing was
    /// recorded.</summary>
    FlagsAreMutuallyExclusive = 7,

    /// <summary>The debit account's address is empty. Nothing was recorded.</summary>
    DebitAccountIdMustNotBeZero = 8,

    /// <summary>The debit account's address is reserved. Nothing was recorded.</summary>
    DebitAccountIdMustNotBeIntMax = 9,

    /// <summary>The credit account's address is empty. Nothing was recorded.</summary>
    CreditAccountIdMustNotBeZero = 10,

    /// <summary>The credit account's address is reserved. Nothing was recorded.</summary>
    CreditAccountIdMustNotBeIntMax = 11,

    /// <summary>Debit and credit account are the same. Nothing was recorded.</summary>
    AccountsMustBeDifferent = 12,

    /// <summary>A transfer that neither posts nor voids a hold names one. Nothing was recorded.</summary>
    PendingIdMustBeZero = 13,

    /// <summary>A post or a void names no hold. Nothing was recorded.</summary>
    PendingIdMustNotBeZero = 14,

    /// <summary>The hold's id is all ones. Nothing was recorded.</summary>
    PendingIdMustNotBeIntMax = 15,

    /// <summary>A post or a void names itself as the hold. Nothing was recorded.</summary>
    PendingIdMustBeDifferent = 16,

    /// <summary>A transfer that is no hold has a timeout. Nothing was recorded.</summary>
    TimeoutReservedForPendingTransfer = 17,

    /// <summary>The asset is missing where one is needed. Nothing was recorded.</summary>
    LedgerMustNotBeZero = 19,

    /// <summary>The code is 0. Nothing was recorded.</summary>
    CodeMustNotBeZero = 20,

    /// <summary>There is no such debit account. Journaled. The caller opens it, and then sends a new id.</summary>
    DebitAccountNotFound = 21,

    /// <summary>There is no such credit account. Journaled. The caller opens it, and then sends a new id.</summary>
    CreditAccountNotFound = 22,

    /// <summary>The two accounts hold different assets. Journaled. The caller exchanges through two transfers of one
    /// transaction, with a new id.</summary>
    AccountsMustHaveTheSameLedger = 23,

    /// <summary>The transfer names an asset that its accounts do not hold. Journaled. Correct the asset or the accounts
    /// and send a new id.</summary>
    TransferMustHaveTheSameLedgerAsAccounts = 24,

    /// <summary>There is no such hold. Recorded if the request names the hold's debit account, or in a transaction both
    /// accounts. If not, the ledger can't record the rejection and the id stays usable: if the hold is created later, a
    /// retry of this request, even a delayed one, will succeed. Name the accounts to make the rejection
    /// final.</summary>
    PendingTransferNotFound = 25,

    /// <summary>The transfer that is named as the hold is none. Journaled. The caller names the hold, with a new
    /// id.</summary>
    PendingTransferNotPending = 26,

    /// <summary>The hold has another debit account. Journaled. The caller leaves the account empty or names the right
    /// one, with a new id.</summary>
    PendingTransferHasDifferentDebitAccountId = 27,

    /// <summary>The hold has another credit account. Journaled. The caller leaves the account empty or names the right
    /// one, with a new id.</summary>
    PendingTransferHasDifferentCreditAccountId = 28,

    /// <summary>The hold has another asset. Journaled. The caller leaves the asset empty or names the right one, with a
    /// new id.</summary>
    PendingTransferHasDifferentLedger = 29,

    /// <summary>The hold has another code. Journaled. The caller leaves the code 0 or names the right one, with a new
    /// id.</summary>
    PendingTransferHasDifferentCode = 30,

    /// <summary>More is to be posted than the hold has left. Journaled. The caller posts less, or posts all and moves
    /// the rest with another transfer.</summary>
    ExceedsPendingTransferAmount = 31,

    /// <summary>A void is about all of a hold, and names another amount. Journaled. The caller leaves the amount empty,
    /// with a new id.</summary>
    PendingTransferHasDifferentAmount = 32,

    /// <summary>The hold was posted, by another transfer. Journaled. The caller takes it as done, or takes the transfer
    /// back.</summary>
    PendingTransferAlreadyPosted = 33,

    /// <summary>The hold was voided, by another transfer. Journaled. The caller makes a new hold if the money is still
    /// wanted.</summary>
    PendingTransferAlreadyVoided = 34,

    /// <summary>The hold's time was up, and it was released. Journaled. The caller makes a new hold, with a longer
    /// timeout or extended in time.</summary>
    PendingTransferExpired = 35,

    /// <summary>The id is known with another kind or other properties. Nothing was recorded by this request; the caller
    /// looks for where it made one id for two things.</summary>
    ExistsWithDifferentFlags = 36,

    /// <summary>The id is known with another debit account. Nothing was recorded by this request; the caller looks for
    /// where it made one id for two things.</summary>
    ExistsWithDifferentDebitAccountId = 37,

    /// <summary>The id is known with another credit account. Nothing was recorded by this request; the caller looks for
    /// where it made one id for two things.</summary>
    ExistsWithDifferentCreditAccountId = 38,

    /// <summary>The id is known with another amount. Nothing was recorded by this request; the caller looks for where
    /// it made one id for two things.</summary>
    ExistsWithDifferentAmount = 39,

    /// <summary>The id is known with another hold. Nothing was recorded by this request; the caller looks for where it
    /// made one id for two things.</summary>
    ExistsWithDifferentPendingId = 40,

    /// <summary>The id is known with another timeout. Nothing was recorded by this request; the caller looks for where
    /// it made one id for two things.</summary>
    ExistsWithDifferentTimeout = 44,

    /// <summary>The id is known with another code. Nothing was recorded by this request; the caller looks for where it
    /// made one id for two things.</summary>
    ExistsWithDifferentCode = 45,

    /// <summary>The transfer was recorded by an earlier request with the same content; create_time is the original one.
    /// Nothing is to be done.</summary>
    Exists = 46,

    /// <summary>The debit account's pending debits would exceed 2^128-1. Journaled. The operator is told: no real
    /// amount is that large.</summary>
    OverflowsDebitsPending = 47,

    /// <summary>The credit account's pending credits would exceed 2^128-1. Journaled. The operator is told: no real
    /// amount is that large.</summary>
    OverflowsCreditsPending = 48,

    /// <summary>The debit account's posted debits would exceed 2^128-1. Journaled. The operator is told: no real amount
    /// is that large.</summary>
    OverflowsDebitsPosted = 49,

    /// <summary>The credit account's posted credits would exceed 2^128-1. Journaled. The operator is told: no real
    /// amount is that large.</summary>
    OverflowsCreditsPosted = 50,

    /// <summary>The debit account's pending and posted debits together would exceed 2^128-1. Journaled. The operator is
    /// told: no real amount is that large.</summary>
    OverflowsDebits = 51,

    /// <summary>The credit account's pending and posted credits together would exceed 2^128-1. Journaled. The operator
    /// is told: no real amount is that large.</summary>
    OverflowsCredits = 52,

    /// <summary>The hold would expire after 2262-04-11. Nothing was recorded; the caller gives a shorter timeout, or
    /// none.</summary>
    OverflowsTimeout = 53,

    /// <summary>Insufficient funds: the debit account must keep its debits within its credits and allowance. Journaled.
    /// The payer brings in money or takes less; the caller then sends a new id.</summary>
    ExceedsCredits = 54,

    /// <summary>The credit account must keep its credits within its debits and allowance. Journaled. The payee makes
    /// room or takes less; the caller then sends a new id.</summary>
    ExceedsDebits = 55,

    /// <summary>A transfer that closes an account must be a hold. Nothing was recorded.</summary>
    ClosingTransferMustBePending = 64,

    /// <summary>The debit account is closed. Journaled. Whoever closed it reopens it, or another account pays; the
    /// caller then sends a new id.</summary>
    DebitAccountAlreadyClosed = 65,

    /// <summary>The credit account is closed. Journaled. Whoever closed it reopens it, or another account is paid; the
    /// caller then sends a new id.</summary>
    CreditAccountAlreadyClosed = 66,

    /// <summary>The id is known with another asset. Nothing was recorded by this request; the caller looks for where it
    /// made one id for two things.</summary>
    ExistsWithDifferentLedger = 67,

    /// <summary>The id belongs to an earlier transfer with other content that was rejected. It can't be used again; the
    /// caller makes a new id.</summary>
    IdAlreadyFailed = 68,

    /// <summary>The transfer was recorded by this request. Journaled. Nothing is to be done.</summary>
    Created = 1000,

    /// <summary>The debit account is frozen for debits. Journaled. Whoever froze it says why, and ends it; the caller
    /// then sends a new id.</summary>
    DebitAccountFrozen = 1001,

    /// <summary>The credit account is frozen for credits. Journaled. Whoever froze it says why, and ends it; the caller
    /// then sends a new id.</summary>
    CreditAccountFrozen = 1002,

    /// <summary>The id is known with another reference. Nothing was recorded by this request; the caller looks for
    /// where it made one id for two things.</summary>
    ExistsWithDifferentReference = 1003,

    /// <summary>The id is known with other metadata. Nothing was recorded by this request; the caller looks for where
    /// it made one id for two things.</summary>
    ExistsWithDifferentMetadata = 1004,

    /// <summary>The id is known as a transaction of other transfers. Nothing was recorded by this request; the caller
    /// looks for where it made one id for two things.</summary>
    ExistsWithDifferentTransfers = 1005,

    /// <summary>The id is known with another transfer that it takes back, or with another reason. Nothing was recorded
    /// by this request; the caller looks for where it made one id for two things.</summary>
    ExistsWithDifferentReverses = 1006,

    /// <summary>The id is known with another effective time, or with one where this request has none. Nothing was
    /// recorded by this request; the caller looks for where it made one id for two things.</summary>
    ExistsWithDifferentEffectiveTime = 1008,

    /// <summary>There is no such transfer to take back on these accounts. Journaled. The caller looks for the
    /// original's id and accounts.</summary>
    ReversedTransferNotFound = 1010,

    /// <summary>The transfer to take back moved no money: it is a hold or a void. Journaled. The caller voids the hold,
    /// or takes back the transfer that posted it.</summary>
    ReversedTransferNotPosted = 1011,

    /// <summary>A correction goes the opposite way between the same two accounts. Journaled. The caller exchanges the
    /// accounts of the original, with a new id.</summary>
    ReversedTransferHasDifferentAccounts = 1012,

    /// <summary>More would be taken back than is left of what the transfer moved. Journaled. The caller looks at
    /// earlier corrections, and takes back less.</summary>
    ExceedsReversedTransferAmount = 1013,

    /// <summary>A correction has no reason. Nothing was recorded.</summary>
    ReasonMissing = 1014,

    /// <summary>The two accounts have as many live holds between them as they may (1,000, unless the operator allows
    /// more). Journaled. The caller posts or voids some, or waits until they expire, and then sends a new id.</summary>
    ExceedsHoldsWithCounterparty = 1020,

    /// <summary>One of the accounts has as many live holds as it may (100,000, unless the operator allows more).
    /// Journaled. The owner of that account ends some, or the operator allows more; the caller then sends a new
    /// id.</summary>
    ExceedsHoldsOfAccount = 1021,

    /// <summary>One of the accounts could not decide it, by a defect of the ledger, and nothing was done. Journaled,
    /// since asking again would mostly end the same way. The operator finds the defect in the log of that account's
    /// node; the caller sends a new id once it is fixed.</summary>
    DecisionFailed = 1022,

    /// <summary>It was in doubt, and an operator had it aborted. Nothing was done; journaled, with the operator and the
    /// reason, in the journal of the account that was to decide. The caller asks the operator, and then sends a new
    /// id.</summary>
    AbortedByOperator = 1023,

    /// <summary>The id is a UUID of version 7 whose time is more than an hour ahead of the ledger's. Nothing was
    /// recorded, and the id stays free; the caller sets its clock, and makes a new id.</summary>
    IdFromTheFuture = 1040,
}
