namespace Ledger.StrictJson;

/// <summary>How the value of a field is written in JSON.</summary>
internal enum FieldForm
{
    /// <summary>A text.</summary>
    Text,

    /// <summary>A whole number of up to 128 bits: a text, or a JSON integer that no sender has rounded.</summary>
    Amount,

    /// <summary>True or false.</summary>
    Flag,

    /// <summary>A whole number of 32 or 64 bits.</summary>
    Integer,

    /// <summary>The name of a value of an enum.</summary>
    Choice,

    /// <summary>A moment, such as 2026-11-30T12:00:00Z.</summary>
    Time,

    /// <summary>A length of time, such as 3600s.</summary>
    Duration,

    /// <summary>An object.</summary>
    Message,
}
