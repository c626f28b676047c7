using System.Text;
using CsvHelper;

namespace Ledger.Cli.Import;

/// <summary>One record of a CSV file.</summary>
/// <param name="Line">The line on which it begins, from 1.</param>
/// <param name="Fields">Its fields, without the spaces around them.</param>
/// <param name="Wrong">Why it can't be read; null when it can.</param>
internal sealed record CsvLine(long Line, IReadOnlyList<string> Fields, string? Wrong)
{
    /// <summary>Whether nothing stands in it: what an editor or a spreadsheet leaves at the end of a file.</summary>
    public bool IsBlank => Wrong is null && Fields.All(string.IsNullOrEmpty);
}

/// <summary>Reads CSV by RFC 4180 as other programs write it: with any line ends, with a byte order mark, with fields
/// that are padded with spaces, with empty lines at the end.</summary>
internal static class CsvLines
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads all records.</summary>
    /// <param name="content">The bytes of the file.</param>
    /// <param name="separator">What stands between two fields.</param>
    /// <param name="unreadable">Why nothing can be read, and the line; null when it can.</param>
    public static IReadOnlyList<CsvLine> Read(
        byte[] content, char separator, out (long Line, string Message)? unreadable)
    {
        unreadable = null;
        if (content is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            unreadable = (1, "the file is in UTF-16 or UTF-32; save it as UTF-8.");
            return [];
        }

        string text;
        try
        {
            text = StrictUtf8.GetString(content is [0xEF, 0xBB, 0xBF, ..] ? content.AsSpan(3) : content);
        }
        catch (DecoderFallbackException failure)
        {
            unreadable = (1 + content.AsSpan(0, Math.Clamp(failure.Index, 0, content.Length)).Count((byte)'\n'),
                "the file is not UTF-8.");
            return [];
        }

        // One kind of line end, in quotes too: the same books saved by another program are the same.
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lines = Parse(text, separator);
        while (lines.Count > 0 && lines[^1].IsBlank)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return lines;
    }

    private static List<CsvLine> Parse(string text, char separator)
    {
        var malformed = new Dictionary<long, CsvMalformedReason>();
        using var csv = CsvReader.FromText(text, new CsvReaderOptions
        {
            Separator = separator,
            HasHeader = false,
            SkipEmptyLines = false,
            AllowLineBreaksInQuotes = true,
            TrackLineNumbers = true,
            MalformedData = CsvMalformedDataHandling.Recover,
            FieldCountMismatch = CsvFieldCountHandling.Allow,
            OnMalformedRecord = record => malformed.TryAdd(record.RecordNumber, record.Reason),
        });
        var lines = new List<CsvLine>();
        while (csv.Read())
        {
            var fields = new string[csv.FieldCount];
            for (var i = 0; i < fields.Length; i++)
            {
                fields[i] = csv.GetString(i).Trim(' ', '\t', '\n', '\u00A0');
            }

            lines.Add(new CsvLine(
                csv.LineNumber, fields, malformed.TryGetValue(csv.RowNumber, out var reason) ? Explain(reason) : null));
        }

        return lines;
    }

    private static string Explain(CsvMalformedReason reason) => reason switch
    {
        CsvMalformedReason.StrayQuote => "a quote stands inside a field that does not begin with one.",
        CsvMalformedReason.TextAfterClosingQuote => "text follows the closing quote of a field.",
        CsvMalformedReason.UnterminatedQuote => "a quoted field is never closed.",
        _ => $"the line is malformed ({reason}).",
    };
}
