namespace Ledger.Fuzz.Inputs;

/// <summary>Faults of a JSON document at one of its fields.</summary>
internal enum JsonFault
{
    None,

    /// <summary>The field twice, in one spelling or in two.</summary>
    Doubled,

    /// <summary>The field's name with a letter too many, too few or another, or in another case.</summary>
    Misspelt,

    /// <summary>Another kind of value.</summary>
    Retyped,

    /// <summary>A number as a text, or a text as a number.</summary>
    Requoted,

    /// <summary>A number with a fraction, an exponent, or more than fits.</summary>
    OddNumber,

    /// <summary>An escape that there is none of, or half a character.</summary>
    BadEscape,

    /// <summary>A control character, or bytes that are no UTF-8, in a text.</summary>
    RawBytes,

    /// <summary>A comment.</summary>
    Comment,

    /// <summary>A comma too many or too few.</summary>
    Comma,

    /// <summary>Quotes that JSON does not have, or none.</summary>
    Quotes,

    /// <summary>Lists or objects in each other.</summary>
    Deep,

    /// <summary>null in place of a value.</summary>
    Null,
}
