namespace Ledger.Fuzz.Inputs;

/// <summary>Faults of a message's bytes.</summary>
internal enum WireFault
{
    None,

    /// <summary>A field that the message does not have, before the field.</summary>
    UnknownField,

    /// <summary>The field's number with another wire type.</summary>
    WrongType,

    /// <summary>A number that takes more bytes than it needs, or more than there may be.</summary>
    LongNumber,

    /// <summary>A text that is not UTF-8.</summary>
    BadText,

    /// <summary>A length that goes beyond the end.</summary>
    LengthBeyond,

    /// <summary>A length that ends too early.</summary>
    LengthShort,

    /// <summary>The field number 0, or one beyond the largest.</summary>
    BadNumber,

    /// <summary>A group that does not end, or an end without one.</summary>
    OpenGroup,

    /// <summary>Groups, or unknown messages, in each other.</summary>
    Deep,

    /// <summary>The message ends in the middle of the field.</summary>
    Truncated,

    /// <summary>Bytes that mean nothing.</summary>
    Noise,

    /// <summary>A list of numbers that is packed where it is not, or the reverse.</summary>
    Packed,
}
