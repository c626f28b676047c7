using System.Globalization;
using System.Numerics;

namespace Ledger.Cli.Import;

/// <summary>Reads the amounts of a file, exactly: digits become an integer, and nothing is ever rounded.</summary>
internal static class AmountText
{
    // The longest that can fit: 39 digits, a sign, a mark, and zeros before it.
    private const int LengthMax = 64;

    /// <summary>Reads an amount.</summary>
    /// <param name="text">What the file has.</param>
    /// <param name="asset">A valid asset, such as <c>USD/2</c>.</param>
    /// <param name="decimalMark">The mark before the decimals; null where amounts are whole numbers of minor
    /// units.</param>
    /// <param name="amount">The amount in minor units.</param>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static string? Read(string text, string asset, char? decimalMark, out BigInteger amount)
    {
        if (decimalMark is { } mark)
        {
            return ReadUnits(text, asset, mark, out amount);
        }

        return Syntax.TrySignedAmount(text, out amount) ? null
            : $"'{text}' is not an amount in minor units, a whole number such as 1250 or -1250, at most 2^128-1"
                + (text.AsSpan().IndexOfAny('.', ',') >= 0 ? "; where amounts have decimals, give --decimal." : ".");
    }

    private static string? ReadUnits(string text, string asset, char mark, out BigInteger amount)
    {
        amount = default;
        var size = text.StartsWith('-') ? text[1..] : text;
        var place = size.IndexOf(mark, StringComparison.Ordinal);
        var (whole, decimals) = place < 0 ? (size, "") : (size[..place], size[(place + 1)..]);
        if (whole.Length == 0 || (place >= 0 && decimals.Length == 0) || size.Length > LengthMax
            || !whole.All(char.IsAsciiDigit) || !decimals.All(char.IsAsciiDigit))
        {
            return $"'{text}' is not an amount with the decimal mark '{mark}', such as 12{mark}50 or -12{mark}50; "
                + "digits are not grouped.";
        }

        var scale = int.Parse(
            asset.AsSpan(asset.IndexOf('/', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
        if (decimals.Length > scale)
        {
            // Also where they are zeros: 1.000 may be a thousand.
            return $"'{text}' has {decimals.Length} decimals; {asset} has {scale}.";
        }

        var digits = whole + decimals.PadRight(scale, '0');
        amount = BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        if (amount > Syntax.AmountMax)
        {
            return $"'{text}' is more than an amount of {asset} can be, 2^128-1 minor units.";
        }

        amount = size.Length < text.Length ? -amount : amount;
        return null;
    }
}
