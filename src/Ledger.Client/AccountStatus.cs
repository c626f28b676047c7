namespace Ledger.Client;

/// <summary>The outcome of opening one account. Names, numbers and meaning are those of the API.</summary>
/// <remarks>A number that this version of the client has no name for is possible: treat it as a rejection that you can
/// not explain.</remarks>
public enum AccountStatus
{
    /// <summary>Never sent by the ledger.</summary>
    Unspecified = 0,

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

    /// <summary>The account exists with other limits.</summary>
    ExistsWithDifferentFlags = 15,

    /// <summary>The account exists with another asset.</summary>
    ExistsWithDifferentLedger = 19,

    /// <summary>The account exists with another code.</summary>
    ExistsWithDifferentCode = 20,

    /// <summary>The account was opened by an earlier request with the same content; create_time is the original
    /// one.</summary>
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
