namespace Ledger.StrictJson;

/// <summary>The sorts of faults that a JSON document can have.</summary>
internal enum JsonFaultKind
{
    /// <summary>It is not JSON, or a value does not fit its field.</summary>
    Malformed,

    /// <summary>A field that the message does not have.</summary>
    UnknownField,

    /// <summary>A field that is given more than once, in one spelling or in two.</summary>
    DuplicateField,

    /// <summary>A JSON number that a sender may have rounded.</summary>
    NumberNotExact,

    /// <summary>An amount as a JSON number with a fraction or an exponent.</summary>
    AmountNotANumber,

    /// <summary>A list of more items than lists may have. The rest of it has not been looked at.</summary>
    TooManyItems,
}
