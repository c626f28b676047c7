using System.Globalization;
using System.Numerics;

namespace Ledger.Cli;

/// <summary>The forms of addresses, assets and amounts, so that a slip is found before anything is sent.</summary>
/// <remarks>The command line knows the ledger by its API alone; the API's comments define these forms, and the ledger
/// has the last word.</remarks>
internal static class Syntax
{
    public const int AddressLengthMax = 128;
    public const int ReferenceLengthMax = 128;
    public const int MetadataValueLengthMax = 256;
    public const int ReasonLengthMax = 256;

    public static readonly BigInteger AmountMax = (BigInteger)UInt128.MaxValue;

    public static bool IsAddress(string text) => text.Length is > 0 and <= AddressLengthMax
        && text.Split(':').All(segment => segment.Length > 0
            && segment.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'));

    public static bool IsAsset(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash is >= 1 and <= 16
            && char.IsAsciiLetterUpper(text[0])
            && text[..slash].All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_')
            && IsCanonicalNumber(text[(slash + 1)..])
            && text.Length - slash <= 3
            && int.Parse(text.AsSpan(slash + 1), CultureInfo.InvariantCulture) <= 38;
    }

    /// <summary>A whole number from 0 to 2^128-1, without sign or leading zeros.</summary>
    public static bool TryAmount(string text, out UInt128 amount)
    {
        amount = default;
        return IsCanonicalNumber(text)
            && UInt128.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out amount);
    }

    /// <summary>A whole number whose size is at most 2^128-1, negative with a minus sign; no plus, no leading
    /// zeros.</summary>
    public static bool TrySignedAmount(string text, out BigInteger amount)
    {
        amount = default;
        var negative = text.StartsWith('-');
        if (!TryAmount(negative ? text[1..] : text, out var size) || (negative && size == UInt128.Zero))
        {
            return false;
        }

        amount = negative ? -(BigInteger)size : size;
        return true;
    }

    /// <summary>A length of time: <c>250ms</c>, <c>10s</c>, <c>2m</c>, <c>1h</c>, or a number of seconds. At most a
    /// day, which is longer than anyone waits, and far from where timers overflow.</summary>
    public static bool TryDuration(string text, out TimeSpan duration) =>
        TryLongDuration(text, out duration) && duration <= TimeSpan.FromDays(1) && !text.EndsWith('d');

    /// <summary>A length of time that may be days: <c>7d</c>, and all that <see cref="TryDuration"/> knows.</summary>
    public static bool TryLongDuration(string text, out TimeSpan duration)
    {
        duration = default;
        var unitStart = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var digits = unitStart < 0 ? text : text[..unitStart];
        if (digits.Length is 0 or > 9)
        {
            return false;
        }

        var number = long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        TimeSpan? unit = (unitStart < 0 ? "s" : text[unitStart..]) switch
        {
            "ms" => TimeSpan.FromMilliseconds(1),
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            "d" => TimeSpan.FromDays(1),
            _ => null,
        };
        if (unit is null || number > TimeSpan.MaxValue.Ticks / unit.Value.Ticks)
        {
            return false;
        }

        duration = unit.Value * number;
        return true;
    }

    private static bool IsCanonicalNumber(string text) =>
        text.Length is > 0 and <= 39 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0');
}
