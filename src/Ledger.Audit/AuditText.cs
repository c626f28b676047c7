namespace Ledger.Audit;

/// <summary>Texts of others, bounded.</summary>
public static class AuditText
{
    /// <summary>How many bytes one text has in a file at most, escapes included.</summary>
    public const int BytesMax = 256;

    private const int EscapeBytes = 6;
    private const string Cut = "...";

    /// <summary>A text that has at most <see cref="BytesMax"/> bytes in a file; what is cut off is shown by three
    /// points.</summary>
    /// <param name="text">The text.</param>
    internal static string? Bounded(string? text)
    {
        if (text is null || text.Length <= BytesMax / EscapeBytes)
        {
            return text;
        }

        var (bytes, fits) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            bytes += BytesOf(text[i]);
            if (bytes > BytesMax)
            {
                // Half of a character is none.
                var end = fits > 0 && char.IsHighSurrogate(text[fits - 1]) ? fits - 1 : fits;
                return text[..end] + Cut;
            }

            if (bytes <= BytesMax - Cut.Length)
            {
                fits = i + 1;
            }
        }

        return text;
    }

    // As the encoder of the file writes it.
    private static int BytesOf(char c) =>
        char.IsAsciiLetterOrDigit(c) || c is ' ' or ':' or '/' or '.' or '-' or '_' or '@' or ','
        ? 1
        : EscapeBytes;
}
