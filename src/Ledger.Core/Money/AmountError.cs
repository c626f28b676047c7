namespace Ledger;

/// <summary>What is wrong with the text of an amount.</summary>
public enum AmountError
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The text is not a canonical decimal integer.</summary>
    NotANumber,

    /// <summary>The number is negative.</summary>
    Negative,

    /// <summary>The number exceeds 2^128-1.</summary>
    TooLarge,
}
