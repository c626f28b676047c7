namespace Ledger.Client;

/// <summary>The outcome of opening one account. Names, numbers and meaning are those of the API.</summary>
/// <remarks>A number that this version of the client has no name for is possible: treat it as a rejection that you can
/// not explain.</remarks>
public enum AccountStatus
{
    /// <summary>Never sent by the ledger.</summary>
    Unspecified = 0,

    /// <summary>Another item of the same transaction or chain failed, and so none of it happened. The caller looks at
    /// the item that failed.</summary>
    LinkedEventFailed = 1,

    /// <summary>The last item of a batch is linked to a next one that is not there. Nothing of its chain was
    /// recorded.</summary>
    LinkedEventChainOpen = 2,

    /// <summary>The address is empty. Nothing was recorded.</summary>
    IdMustNotBeZero = 6,

    /// <summary>The address is reserved. Nothing was recorded.</summary>
    IdMustNotBeIntMax = 7,

    /// <summary>Both limits were asked for. Nothing was recorded.</summary>
    FlagsAreMutuallyExclusive = 8,

    /// <summary>The asset is missing. Nothing was recorded.</summary>
    LedgerMustNotBeZero = 13,

    /// <summary>The code is 0. Nothing was recorded.</summary>
    CodeMustNotBeZero = 14,

    /// <summary>The account exists with other limits. Nothing was recorded; the caller takes it as it is, or sets its
    /// limits.</summary>
    ExistsWithDifferentFlags = 15,

    /// <summary>The account exists with another asset. Nothing was recorded; the caller opens another address for this
    /// asset.</summary>
    ExistsWithDifferentLedger = 19,

    /// <summary>The account exists with another code. Nothing was recorded; the caller takes it as it is, or opens
    /// another address.</summary>
    ExistsWithDifferentCode = 20,

    /// <summary>The account was opened by an earlier request with the same content; create_time is the original one.
    /// Nothing is to be done.</summary>
    Exists = 21,

    /// <summary>The account was opened by this request. Nothing is to be done.</summary>
    Created = 1000,

    /// <summary>The account exists with another reference. Nothing was recorded; the caller takes it as it is, or opens
    /// another address.</summary>
    ExistsWithDifferentReference = 1001,

    /// <summary>The account exists with other metadata. Nothing was recorded; the caller takes it as it is, or opens
    /// another address.</summary>
    ExistsWithDifferentMetadata = 1002,

    /// <summary>The account exists with another allowance on its limit. Nothing was recorded; the caller takes it as it
    /// is, or sets its limits.</summary>
    ExistsWithDifferentAllowance = 1003,

    /// <summary>The account that was to be changed does not exist. Nothing was recorded. Correct the address, or open
    /// it.</summary>
    NotFound = 1010,

    /// <summary>The account was changed by this request. Nothing is to be done.</summary>
    Changed = 1011,

    /// <summary>The account was like that already, perhaps by an earlier attempt of this request. Nothing is to be
    /// done.</summary>
    Unchanged = 1012,

    /// <summary>The account already breaks the limit that was asked for. Nothing was recorded; its balance is fixed
    /// first, or the allowance made larger.</summary>
    LimitIsExceeded = 1013,

    /// <summary>The end of the freeze lies in the past. Nothing was recorded.</summary>
    EndHasPassed = 1014,
}
