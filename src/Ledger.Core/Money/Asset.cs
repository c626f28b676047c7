using System.Globalization;
using System.Text.Json.Serialization;
using Ledger.Core.Json;

namespace Ledger;

/// <summary>An asset: a code and the number of decimal places of its minor unit, written <c>USD/2</c>.</summary>
/// <remarks>The code is a letter A-Z followed by up to 15 of A-Z, 0-9 and <c>_</c>; the scale is 0 to 38. The default
/// value is no asset. Immutable and thread-safe.</remarks>
[JsonConverter(typeof(AssetJsonConverter))]
public readonly record struct Asset
{
    /// <summary>The longest text of an asset.</summary>
    public const int LengthMax = 19;

    private readonly string? text;

    private Asset(string text) => this.text = text;

    /// <summary>Whether this is no asset (the default value).</summary>
    public bool IsNone => text is null;

    /// <summary>The text, such as <c>USD/2</c>; empty for no asset.</summary>
    public string Text => text ?? "";

    /// <summary>The code, such as <c>USD</c>.</summary>
    public string Code => text is null ? "" : text[..text.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>The number of decimal places.</summary>
    public int Scale => text is null
        ? 0
        : int.Parse(text.AsSpan(text.IndexOf('/', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);

    /// <summary>Reads an asset from its text.</summary>
    /// <param name="text">The text, such as <c>USD/2</c>.</param>
    /// <param name="asset">The asset, or none.</param>
    /// <returns>Whether the text has the form of an asset.</returns>
    public static bool TryParse(string? text, out Asset asset)
    {
        asset = default;
        if (text is null || text.Length > LengthMax)
        {
            return false;
        }

        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash is < 1 or > 16 || !char.IsAsciiLetterUpper(text[0]))
        {
            return false;
        }

        for (var i = 1; i < slash; i++)
        {
            if (!char.IsAsciiLetterUpper(text[i]) && !char.IsAsciiDigit(text[i]) && text[i] != '_')
            {
                return false;
            }
        }

        var digits = text.AsSpan(slash + 1);
        if (digits.Length is < 1 or > 2
            || (digits.Length == 2 && digits[0] == '0')
            || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var scale)
            || scale > 38)
        {
            return false;
        }

        asset = new Asset(text);
        return true;
    }

    /// <summary>Reads an asset from its text.</summary>
    /// <param name="text">The text, such as <c>USD/2</c>.</param>
    /// <exception cref="FormatException">The text does not have the form of an asset.</exception>
    public static Asset Parse(string text) =>
        TryParse(text, out var asset) ? asset : throw new FormatException($"'{text}' is not an asset such as USD/2.");

    /// <inheritdoc/>
    public override string ToString() => Text;
}
