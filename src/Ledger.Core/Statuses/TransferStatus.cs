using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>What became of a transfer. Names, numbers, meaning and precedence are TigerBeetle's
/// <c>CreateTransferStatus</c>; numbers of 1000 and more are this ledger's own. The numbers are stored: never reuse
/// one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TransferStatus>))]
public enum TransferStatus
{
    /// <summary>Not decided.</summary>
    None = 0,

    /// <summary>Another leg of the same transaction failed.</summary>
    LinkedEventFailed = 1,

    /// <summary>A chain of linked transfers was not closed.</summary>
    LinkedEventChainOpen = 2,

    /// <summary>The id is nil.</summary>
    IdMustNotBeZero = 5,

    /// <summary>The id is all ones.</summary>
    IdMustNotBeIntMax = 6,

    /// <summary>Flags exclude each other.</summary>
    FlagsAreMutuallyExclusive = 7,

    /// <summary>The debit account's address is empty.</summary>
    DebitAccountIdMustNotBeZero = 8,

    /// <summary>The debit account's address is reserved.</summary>
    DebitAccountIdMustNotBeIntMax = 9,

    /// <summary>The credit account's address is empty.</summary>
    CreditAccountIdMustNotBeZero = 10,

    /// <summary>The credit account's address is reserved.</summary>
    CreditAccountIdMustNotBeIntMax = 11,

    /// <summary>Debit and credit account are the same.</summary>
    AccountsMustBeDifferent = 12,

    /// <summary>A transfer that neither posts nor voids names a hold.</summary>
    PendingIdMustBeZero = 13,

    /// <summary>A post or a void names no hold.</summary>
    PendingIdMustNotBeZero = 14,

    /// <summary>The hold's id is all ones.</summary>
    PendingIdMustNotBeIntMax = 15,

    /// <summary>A post or a void names itself as the hold.</summary>
    PendingIdMustBeDifferent = 16,

    /// <summary>Only a hold has a timeout.</summary>
    TimeoutReservedForPendingTransfer = 17,

    /// <summary>The asset is missing.</summary>
    LedgerMustNotBeZero = 19,

    /// <summary>The code is 0.</summary>
    CodeMustNotBeZero = 20,

    /// <summary>There is no such debit account.</summary>
    DebitAccountNotFound = 21,

    /// <summary>There is no such credit account.</summary>
    CreditAccountNotFound = 22,

    /// <summary>The accounts hold different assets.</summary>
    AccountsMustHaveTheSameLedger = 23,

    /// <summary>The transfer names an asset that its accounts do not hold.</summary>
    TransferMustHaveTheSameLedgerAsAccounts = 24,

    /// <summary>There is no such hold. Journaled, and so for ever, only where the request names the hold's debit
    /// account, or in a transaction both accounts.</summary>
    PendingTransferNotFound = 25,

    /// <summary>The transfer that is named is no hold.</summary>
    PendingTransferNotPending = 26,

    /// <summary>The hold has another debit account.</summary>
    PendingTransferHasDifferentDebitAccountId = 27,

    /// <summary>The hold has another credit account.</summary>
    PendingTransferHasDifferentCreditAccountId = 28,

    /// <summary>The hold has another asset.</summary>
    PendingTransferHasDifferentLedger = 29,

    /// <summary>The hold has another code.</summary>
    PendingTransferHasDifferentCode = 30,

    /// <summary>More than the hold has left.</summary>
    ExceedsPendingTransferAmount = 31,

    /// <summary>A void is about all of a hold.</summary>
    PendingTransferHasDifferentAmount = 32,

    /// <summary>The hold was posted.</summary>
    PendingTransferAlreadyPosted = 33,

    /// <summary>The hold was voided.</summary>
    PendingTransferAlreadyVoided = 34,

    /// <summary>The hold has expired.</summary>
    PendingTransferExpired = 35,

    /// <summary>The id is known with other flags.</summary>
    ExistsWithDifferentFlags = 36,

    /// <summary>The id is known with another debit account.</summary>
    ExistsWithDifferentDebitAccountId = 37,

    /// <summary>The id is known with another credit account.</summary>
    ExistsWithDifferentCreditAccountId = 38,

    /// <summary>The id is known with another amount.</summary>
    ExistsWithDifferentAmount = 39,

    /// <summary>The id is known with another hold.</summary>
    ExistsWithDifferentPendingId = 40,

    /// <summary>The id is known with another timeout.</summary>
    ExistsWithDifferentTimeout = 44,

    /// <summary>The id is known with another code.</summary>
    ExistsWithDifferentCode = 45,

    /// <summary>The transfer was recorded by an earlier request with the same content.</summary>
    Exists = 46,

    /// <summary>Pending debits would overflow.</summary>
    OverflowsDebitsPending = 47,

    /// <summary>Pending credits would overflow.</summary>
    OverflowsCreditsPending = 48,

    /// <summary>Posted debits would overflow.</summary>
    OverflowsDebitsPosted = 49,

    /// <summary>Posted credits would overflow.</summary>
    OverflowsCreditsPosted = 50,

    /// <summary>Pending and posted debits together would overflow.</summary>
    OverflowsDebits = 51,

    /// <summary>Pending and posted credits together would overflow.</summary>
    OverflowsCredits = 52,

    /// <summary>The hold would expire too late: see <see cref="LedgerLimits.HoldDeadlineMax"/>.</summary>
    OverflowsTimeout = 53,

    /// <summary>Insufficient funds: debits would exceed credits and the allowance.</summary>
    ExceedsCredits = 54,

    /// <summary>Credits would exceed debits and the allowance.</summary>
    ExceedsDebits = 55,

    /// <summary>A transfer that closes an account must be a hold.</summary>
    ClosingTransferMustBePending = 64,

    /// <summary>The debit account is closed.</summary>
    DebitAccountAlreadyClosed = 65,

    /// <summary>The credit account is closed.</summary>
    CreditAccountAlreadyClosed = 66,

    /// <summary>The id is known with another asset.</summary>
    ExistsWithDifferentLedger = 67,

    /// <summary>The id belongs to a rejected transfer with other content.</summary>
    IdAlreadyFailed = 68,

    /// <summary>The transfer was recorded by this request.</summary>
    Created = 1000,

    /// <summary>The debit account is frozen for debits.</summary>
    DebitAccountFrozen = 1001,

    /// <summary>The credit account is frozen for credits.</summary>
    CreditAccountFrozen = 1002,

    /// <summary>The id is known with another reference.</summary>
    ExistsWithDifferentReference = 1003,

    /// <summary>The id is known with other metadata.</summary>
    ExistsWithDifferentMetadata = 1004,

    /// <summary>The id is known as a transaction of other transfers.</summary>
    ExistsWithDifferentTransfers = 1005,

    /// <summary>The id is known with another transfer that it takes back, or another reason.</summary>
    ExistsWithDifferentReverses = 1006,

    // 1007 (exists with different conditions) and 1015 (condition not met) are kept for conditions on a transfer's
    // accounts.

    /// <summary>The id is known with another effective time, or with one where none is asked for.</summary>
    ExistsWithDifferentEffectiveTime = 1008,

    /// <summary>There is no such posted transfer to take back on these accounts.</summary>
    ReversedTransferNotFound = 1010,

    /// <summary>The transfer to take back moved no money: it is a hold or a void.</summary>
    ReversedTransferNotPosted = 1011,

    /// <summary>A correction goes the opposite way between the same two accounts.</summary>
    ReversedTransferHasDifferentAccounts = 1012,

    /// <summary>More would be taken back than the transfer moved.</summary>
    ExceedsReversedTransferAmount = 1013,

    /// <summary>A correction needs a reason.</summary>
    ReasonMissing = 1014,

    /// <summary>The two accounts have as many holds between them as they may: see
    /// <see cref="Core.AccountMachineOptions.HoldsPerCounterpartyMax"/>.</summary>
    ExceedsHoldsWithCounterparty = 1020,

    /// <summary>One of the accounts has as many holds as it may: see
    /// <see cref="Core.AccountMachineOptions.HoldsMax"/>.</summary>
    ExceedsHoldsOfAccount = 1021,

    /// <summary>One of its accounts could not decide it, by a defect of the ledger, and nothing was done. It says
    /// nothing of the accounts; the defect is in the log of that account's node.</summary>
    DecisionFailed = 1022,

    /// <summary>It was in doubt, and an operator had it aborted. Nothing was done; the last agent's journal says who,
    /// and why.</summary>
    AbortedByOperator = 1023,

    /// <summary>The id is a UUID of version 7 whose time is more than an hour ahead of the account's, as of a client
    /// with a wrong clock. Nothing is recorded, and the id is not used up.</summary>
    IdFromTheFuture = 1040,
}
