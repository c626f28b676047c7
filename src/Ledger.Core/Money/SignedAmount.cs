using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>The difference of two amounts, exactly: a sign and a magnitude.</summary>
/// <param name="IsNegative">Whether it is below zero.</param>
/// <param name="Magnitude">Its absolute value.</param>
[JsonConverter(typeof(SignedAmountJsonConverter))]
public readonly record struct SignedAmount(bool IsNegative, Amount Magnitude)
{
    /// <summary>Subtracts without overflow.</summary>
    /// <param name="left">The minuend.</param>
    /// <param name="right">The subtrahend.</param>
    public static SignedAmount Difference(Amount left, Amount right) =>
        left >= right ? new SignedAmount(false, left - right) : new SignedAmount(true, right - left);

    /// <summary>The decimal digits, with a minus sign when negative.</summary>
    public override string ToString() => IsNegative ? "-" + Magnitude : Magnitude.ToString();
}
