using System.Text.Json.Serialization;

namespace Ledger;

/// <summary>What became of the opening of an account. Names and numbers are TigerBeetle's <c>CreateAccountStatus</c>;
/// numbers of 1000 and more are this ledger's own.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AccountStatus>))]
public enum AccountStatus
{
    /// <summary>Not decided.</summary>
    None = 0,

    /// <summary>Another item of the same chain failed.</summary>
    LinkedEventFailed = 1,

    /// <summary>A chain of linked items was not closed.</summary>
    LinkedEventChainOpen = 2,

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

    /// <summary>The account does not exist.</summary>
    NotFound = 1010,

    /// <summary>The account was changed by this request.</summary>
    Changed = 1011,

    /// <summary>The account was like that already.</summary>
    Unchanged = 1012,

    /// <summary>The account already breaks the limit that was asked for.</summary>
    LimitIsExceeded = 1013,

    /// <summary>The end of a freeze lies in the past.</summary>
    EndHasPassed = 1014,
}
