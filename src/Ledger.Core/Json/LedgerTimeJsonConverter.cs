using System.Globalization;

namespace Ledger.Core.Json;

/// <summary>A moment as RFC 3339 in UTC, to the microsecond. What is later than every date is the last one.</summary>
internal sealed class LedgerTimeJsonConverter : TextJsonConverter<LedgerTime>
{
    private static readonly LedgerTime s_last = LedgerTime.From(DateTimeOffset.MaxValue);

    /// <inheritdoc/>
    protected override bool TryParse(string text, out LedgerTime value)
    {
        var isRead = DateTimeOffset.TryParseExact(
            text, "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            && (text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > "yyyy-MM-dd".Length);
        var time = LedgerTime.From(date);
        value = time == s_last ? LedgerTime.MaxValue : time;
        return isRead;
    }

    /// <inheritdoc/>
    protected override string TextOf(LedgerTime value) => (value < s_last ? value : s_last).ToDateTimeOffset()
        .ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture);
}
