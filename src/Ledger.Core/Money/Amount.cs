using System.Globalization;
using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>A non-negative amount of money in minor units of an asset, from 0 to 2^128-1.</summary>
/// <remarks>The default value is zero. Arithmetic is checked: an overflow throws <see cref="OverflowException"/>,
/// except where a method says otherwise. Immutable and thread-safe.</remarks>
/// <param name="Value">The number of minor units.</param>
[JsonConverter(typeof(AmountJsonConverter))]
public readonly record struct Amount(UInt128 Value) : IComparable<Amount>
{
    /// <summary>Zero.</summary>
    public static readonly Amount Zero;

    /// <summary>The largest amount, 2^128-1.</summary>
    public static readonly Amount MaxValue = new(UInt128.MaxValue);

    /// <summary>Whether the amount is zero.</summary>
    public bool IsZero => Value == UInt128.Zero;

    /// <summary>Makes an amount of whole minor units.</summary>
    /// <param name="minorUnits">The number of minor units.</param>
    public static Amount Of(ulong minorUnits) => new(minorUnits);

    /// <summary>Reads an amount from its decimal text: digits only, no sign, no leading zeros, at most
    /// 2^128-1.</summary>
    /// <param name="text">The text.</param>
    /// <param name="amount">The amount, or zero.</param>
    /// <returns>What is wrong with the text, or <see cref="AmountError.None"/>.</returns>
    public static AmountError TryParse(ReadOnlySpan<char> text, out Amount amount)
    {
        amount = default;
        if (text.IsEmpty)
        {
            return AmountError.NotANumber;
        }

        if (text[0] == '-' && text.Length > 1 && AllDigits(text[1..]))
        {
            return AmountError.Negative;
        }

        if (!AllDigits(text) || (text.Length > 1 && text[0] == '0'))
        {
            return AmountError.NotANumber;
        }

        if (!UInt128.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return AmountError.TooLarge;
        }

        amount = new Amount(value);
        return AmountError.None;
    }

    /// <summary>Adds, or says that the sum exceeds 2^128-1.</summary>
    /// <param name="other">The amount to add.</param>
    /// <param name="sum">The sum, or zero.</param>
    /// <returns>False when the sum would overflow.</returns>
    public bool TryAdd(Amount other, out Amount sum)
    {
        if (UInt128.MaxValue - Value < other.Value)
        {
            sum = default;
            return false;
        }

        sum = new Amount(Value + other.Value);
        return true;
    }

    /// <summary>Adds two amounts.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    /// <exception cref="OverflowException">The sum exceeds 2^128-1.</exception>
    public static Amount operator +(Amount left, Amount right) => new(checked(left.Value + right.Value));

    /// <summary>Subtracts.</summary>
    /// <param name="left">The minuend.</param>
    /// <param name="right">The subtrahend.</param>
    /// <exception cref="OverflowException">The difference is negative.</exception>
    public static Amount operator -(Amount left, Amount right) => new(checked(left.Value - right.Value));

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(Amount left, Amount right) => left.Value < right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(Amount left, Amount right) => left.Value > right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(Amount left, Amount right) => left.Value <= right.Value;

    /// <summary>Compares.</summary>
    /// <param name="left">The one.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(Amount left, Amount right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(Amount other) => Value.CompareTo(other.Value);

    /// <summary>The decimal digits.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    private static bool AllDigits(ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('0', '9');
}
