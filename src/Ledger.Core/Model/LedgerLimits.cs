using System.Text;

namespace Ledger;

/// <summary>The limits on what a caller may send.</summary>
public static class LedgerLimits
{
    /// <summary>The most transfers, or accounts, of one request.</summary>
    public const int BatchMax = 8190;

    /// <summary>The most transfers, or legs, of one request that asks for the accounts as they are
    /// afterwards.</summary>
    public const int ReturnedBalancesMax = 2048;

    /// <summary>The longest reference, in characters.</summary>
    public const int ReferenceLengthMax = 128;

    /// <summary>The longest reason of a freeze, a closing or a correction, in characters.</summary>
    public const int ReasonLengthMax = 256;

    /// <summary>The latest time at which a hold may expire: 2262-04-11, 2^63-1 nanoseconds after the Unix
    /// epoch.</summary>
    public static readonly LedgerTime HoldDeadlineMax = new(long.MaxValue / 1000);

    /// <summary>The earliest effective time: 0001-01-01T00:00:00Z, the first moment that the API can print.</summary>
    public static readonly LedgerTime EffectiveTimeMin = LedgerTime.From(DateTimeOffset.MinValue);

    /// <summary>The latest effective time: 9999-12-31T23:59:59.999999Z, the last moment that the API can
    /// print.</summary>
    public static readonly LedgerTime EffectiveTimeMax = LedgerTime.From(DateTimeOffset.MaxValue);

    /// <summary>The most metadata pairs.</summary>
    public const int MetadataPairsMax = 16;

    /// <summary>The longest metadata key, in characters; the shortest has one.</summary>
    public const int MetadataKeyLengthMax = 64;

    /// <summary>The longest metadata value, in characters. All keys and values together have at most
    /// <see cref="LedgerSizes.MetadataMax"/> bytes in UTF-8.</summary>
    public const int MetadataValueLengthMax = 256;

    /// <summary>The largest page of a list.</summary>
    public const int PageSizeMax = 1000;

    /// <summary>Whether a text is well-formed: what is not would be stored as other text than was given.</summary>
    /// <param name="text">The text.</param>
    public static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Checks metadata against its limits.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <returns>What is wrong, in a sentence, or null.</returns>
    public static string? Check(Metadata metadata)
    {
        if (metadata.Pairs.Length > MetadataPairsMax)
        {
            return $"has {metadata.Pairs.Length} entries; at most {MetadataPairsMax} are allowed";
        }

        var bytes = 0;
        foreach (var (key, value) in metadata.Pairs)
        {
            if (key.Length is 0 or > MetadataKeyLengthMax)
            {
                return $"has a key of {key.Length} characters; 1 to {MetadataKeyLengthMax} are allowed";
            }

            if (!IsWellFormed(key) || !IsWellFormed(value))
            {
                return "holds half of a surrogate pair, which is no character";
            }

            if (value.Length > MetadataValueLengthMax)
            {
                return $"has a value of {value.Length} characters; at most {MetadataValueLengthMax} are allowed";
            }

            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
        }

        return bytes > LedgerSizes.MetadataMax
            ? $"has {bytes} bytes in UTF-8, keys and values together; at most {LedgerSizes.MetadataMax} are allowed"
            : null;
    }
}
