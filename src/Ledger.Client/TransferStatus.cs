namespace Ledger.Client;

/// <summary>The outcome of a transfer. Names, numbers and meaning are those of the API. An outcome marked "journaled" is
/// definitive: the same id is answered the same way for ever.</summary>
/// <remarks>A number that this version of the client has no name for is possible: treat it as a rejection that you can
/// not explain.</remarks>
public enum TransferStatus
{
    /// <summary>Never sent by the ledger.</summary>
    Unspecified = 0,

    /// <summary>A leg of an atomic transaction that failed because another leg did.</summary>
    LinkedEventFailed = 1,

    /// <summary>A chain of linked transfers was not closed.</summary>
    LinkedEventChainOpen = 2,

    /// <summary>The id is nil. Nothing was recorded.</summary>
    IdMustNotBeZero = 5,

    /// <summary>The id is all ones. Nothing was recorded.</summary>
    IdMustNotBeIntMax = 6,

    /// <summary>Flags were set that exclude each other. Nothing was recorded.</summary>
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

    /// <summary>The asset is missing where one is needed. Nothing was recorded.</summary>
    LedgerMustNotBeZero = 19,

    /// <summary>The code is 0. Nothing was recorded.</summary>
    CodeMustNotBeZero = 20,

    /// <summary>There is no such debit account. Journaled.</summary>
    DebitAccountNotFound = 21,

    /// <summary>There is no such credit account. Journaled.</summary>
    CreditAccountNotFound = 22,

    /// <summary>The two accounts hold different assets. Journaled.</summary>
    AccountsMustHaveTheSameLedger = 23,

    /// <summary>The transfer names an asset that its accounts do not hold. Journaled.</summary>
    TransferMustHaveTheSameLedgerAsAccounts = 24,

    /// <summary>The id is known with other flags. Nothing was recorded by this request.</summary>
    ExistsWithDifferentFlags = 36,

    /// <summary>The id is known with another debit account. Nothing was recorded by this request.</summary>
    ExistsWithDifferentDebitAccountId = 37,

    /// <summary>The id is known with another credit account. Nothing was recorded by this request.</summary>
    ExistsWithDifferentCreditAccountId = 38,

    /// <summary>The id is known with another amount. Nothing was recorded by this request.</summary>
    ExistsWithDifferentAmount = 39,

    /// <summary>The id is known with another code. Nothing was recorded by this request.</summary>
    ExistsWithDifferentCode = 45,

    /// <summary>The transfer was recorded by an earlier request with the same content; create_time is the original
    /// one.</summary>
    Exists = 46,

    /// <summary>The debit account's pending debits would exceed 2^128-1. Journaled.</summary>
    OverflowsDebitsPending = 47,

    /// <summary>The credit account's pending credits would exceed 2^128-1. Journaled.</summary>
    OverflowsCreditsPending = 48,

    /// <summary>The debit account's posted debits would exceed 2^128-1. Journaled.</summary>
    OverflowsDebitsPosted = 49,

    /// <summary>The credit account's posted credits would exceed 2^128-1. Journaled.</summary>
    OverflowsCreditsPosted = 50,

    /// <summary>The debit account's pending and posted debits together would exceed 2^128-1. Journaled.</summary>
    OverflowsDebits = 51,

    /// <summary>The credit account's pending and posted credits together would exceed 2^128-1. Journaled.</summary>
    OverflowsCredits = 52,

    /// <summary>Insufficient funds: the debit account must keep its debits within its credits and allowance.
    /// Journaled.</summary>
    ExceedsCredits = 54,

    /// <summary>The credit account must keep its credits within its debits and allowance. Journaled.</summary>
    ExceedsDebits = 55,

    /// <summary>The debit account is closed. Journaled.</summary>
    DebitAccountAlreadyClosed = 65,

    /// <summary>The credit account is closed. Journaled.</summary>
    CreditAccountAlreadyClosed = 66,

    /// <summary>The id is known with another asset. Nothing was recorded by this request.</summary>
    ExistsWithDifferentLedger = 67,

    /// <summary>The id belongs to an earlier transfer with other content that was rejected. It can't be used
    /// again.</summary>
    IdAlreadyFailed = 68,

    /// <summary>The transfer was recorded by this request. Journaled.</summary>
    Created = 1000,

    /// <summary>The debit account is frozen for debits. Journaled.</summary>
    DebitAccountFrozen = 1001,

    /// <summary>The credit account is frozen for credits. Journaled.</summary>
    CreditAccountFrozen = 1002,

    /// <summary>The id is known with another reference. Nothing was recorded by this request.</summary>
    ExistsWithDifferentReference = 1003,

    /// <summary>The id is known with other metadata. Nothing was recorded by this request.</summary>
    ExistsWithDifferentMetadata = 1004,
}
