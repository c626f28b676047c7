namespace Ledger.Core;

/// <summary>What became of a transfer. Names, numbers, meaning and precedence are TigerBeetle's
/// <c>CreateTransferStatus</c>; numbers of 1000 and more are this ledger's own. The numbers are stored: never reuse one.</summary>
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

    /// <summary>The id is known with other flags.</summary>
    ExistsWithDifferentFlags = 36,

    /// <summary>The id is known with another debit account.</summary>
    ExistsWithDifferentDebitAccountId = 37,

    /// <summary>The id is known with another credit account.</summary>
    ExistsWithDifferentCreditAccountId = 38,

    /// <summary>The id is known with another amount.</summary>
    ExistsWithDifferentAmount = 39,

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

    /// <summary>Insufficient funds: debits would exceed credits and the allowance.</summary>
    ExceedsCredits = 54,

    /// <summary>Credits would exceed debits and the allowance.</summary>
    ExceedsDebits = 55,

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
}

/// <summary>What became of the opening of an account. Names and numbers are TigerBeetle's <c>CreateAccountStatus</c>;
/// numbers of 1000 and more are this ledger's own.</summary>
public enum AccountStatus
{
    /// <summary>Not decided.</summary>
    None = 0,

    /// <summary>The address is empty.</summary>
    IdMustNotBeZero = 6,

    /// <summary>The address is reserved.</summary>
    IdMustNotBeIntMax = 7,

    /// <summary>Both limits were asked for.</summary>
    FlagsAreMutuallyExclusive = 8,

    /// <summary>The asset is missing.</summary>
    LedgerMustNotBeZero = 13,

    /// <summary>The code is 0.</summary>
    CodeMustNotBeZero = 14,

    /// <summary>The account exists with other limits.</summary>
    ExistsWithDifferentFlags = 15,

    /// <summary>The account exists with another asset.</summary>
    ExistsWithDifferentLedger = 19,

    /// <summary>The account exists with another code.</summary>
    ExistsWithDifferentCode = 20,

    /// <summary>The account was opened by an earlier request with the same content.</summary>
    Exists = 21,

    /// <summary>The account was opened by this request.</summary>
    Created = 1000,

    /// <summary>The account exists with another reference.</summary>
    ExistsWithDifferentReference = 1001,

    /// <summary>The account exists with other metadata.</summary>
    ExistsWithDifferentMetadata = 1002,

    /// <summary>The account exists with another allowance on its limit.</summary>
    ExistsWithDifferentAllowance = 1003,
}

/// <summary>The order in which reasons are reported when several apply, as TigerBeetle documents it.</summary>
public static class TransferStatusPrecedence
{
    // Descending: the first one that applies is the one that is reported.
    private static readonly TransferStatus[] Order =
    [
        TransferStatus.LinkedEventFailed, TransferStatus.LinkedEventChainOpen,
        TransferStatus.IdMustNotBeZero, TransferStatus.IdMustNotBeIntMax,
        TransferStatus.ExistsWithDifferentFlags,
        TransferStatus.ExistsWithDifferentDebitAccountId, TransferStatus.ExistsWithDifferentCreditAccountId,
        TransferStatus.ExistsWithDifferentAmount, TransferStatus.ExistsWithDifferentReference,
        TransferStatus.ExistsWithDifferentMetadata, TransferStatus.ExistsWithDifferentLedger,
        TransferStatus.ExistsWithDifferentCode, TransferStatus.Exists, TransferStatus.IdAlreadyFailed,
        TransferStatus.FlagsAreMutuallyExclusive,
        TransferStatus.DebitAccountIdMustNotBeZero, TransferStatus.DebitAccountIdMustNotBeIntMax,
        TransferStatus.CreditAccountIdMustNotBeZero, TransferStatus.CreditAccountIdMustNotBeIntMax,
        TransferStatus.AccountsMustBeDifferent,
        TransferStatus.LedgerMustNotBeZero, TransferStatus.CodeMustNotBeZero,
        TransferStatus.DebitAccountNotFound, TransferStatus.CreditAccountNotFound,
        TransferStatus.AccountsMustHaveTheSameLedger, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts,
        TransferStatus.DebitAccountAlreadyClosed, TransferStatus.CreditAccountAlreadyClosed,
        TransferStatus.DebitAccountFrozen, TransferStatus.CreditAccountFrozen,
        TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsCreditsPending,
        TransferStatus.OverflowsDebitsPosted, TransferStatus.OverflowsCreditsPosted,
        TransferStatus.OverflowsDebits, TransferStatus.OverflowsCredits,
        TransferStatus.ExceedsCredits, TransferStatus.ExceedsDebits,
    ];

    /// <summary>The rank of a reason: 0 is reported before all others.</summary>
    /// <param name="status">A reason for a rejection.</param>
    /// <exception cref="ArgumentOutOfRangeException">The status is no reason.</exception>
    public static int RankOf(TransferStatus status)
    {
        var rank = Array.IndexOf(Order, status);
        return rank >= 0
            ? rank
            : throw new ArgumentOutOfRangeException(nameof(status), status, "This status is no reason.");
    }

    /// <summary>Whether one reason is reported before another.</summary>
    /// <param name="one">A reason.</param>
    /// <param name="other">Another.</param>
    public static bool Outranks(TransferStatus one, TransferStatus other) => RankOf(one) < RankOf(other);
}
