using System.Globalization;

namespace Ledger.Actors.Index;

/// <summary>Where a page ends.</summary>
/// <param name="Account">Where transfers come by account: that account; else empty.</param>
/// <param name="Key">The last transfer that was looked at.</param>
internal readonly record struct IndexCursor(string Account, IndexKey Key)
{
    /// <summary>As text, without a meaning to anybody else.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Key.Time.UnixMicroseconds}.{Key.Place}.{Key.Item}.{Account}");

    /// <summary>Reads such a text.</summary>
    public static bool TryParse(string text, out IndexCursor cursor)
    {
        var parts = text.Split('.');
        cursor = default;
        if (parts.Length != 4
            || !long.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var time)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var place)
            || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var item))
        {
            return false;
        }

        cursor = new IndexCursor(parts[3], new IndexKey(new LedgerTime(time), place, item));
        return true;
    }
}
