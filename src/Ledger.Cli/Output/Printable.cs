using System.Globalization;
using System.Text;

namespace Ledger.Cli.Output;

/// <summary>Makes text of others safe to show. What they wrote, in a reference, a reason, a file or an error message,
/// must not steer the terminal, nor make a line look like another one.</summary>
internal static class Printable
{
    // What tells a terminal, an editor or a browser to show what follows in another order, or shows nothing at all.
    // Joiners are left: names and flags are written with them.
    private const string Invisible =
        "\u00AD\u061C\u180E\u200B\u200E\u200F\u2028\u2029\u202A\u202B\u202C\u202D\u202E"
        + "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206A\u206B\u206C\u206D\u206E\u206F"
        + "\uFEFF\uFFF9\uFFFA\uFFFB";

    // Tags: a copy of ASCII that nobody sees.
    private const int TagFirst = 0xE0000;
    private const int TagLast = 0xE007F;

    /// <summary>The text on one line: ends of lines and tabs as spaces, other control characters by their
    /// numbers.</summary>
    public static string Of(string text) => Escaped(text, keep: "", asSpace: "\r\n\t\u0085\u2028\u2029");

    /// <summary>The text with its lines; what else would steer whoever shows it, by its number.</summary>
    public static string Lines(string text) => Escaped(text, keep: "\n", asSpace: "\r\t");

    /// <summary>A document of JSON, which itself has only lines and visible characters outside of its
    /// strings.</summary>
    public static string Json(string document) => Escaped(document, keep: "\r\n", asSpace: "");

    /// <summary>Whether the text holds what is not shown as it is.</summary>
    public static bool IsSteering(char c) => char.IsControl(c) || Invisible.Contains(c, StringComparison.Ordinal);

    private static string Escaped(string text, string keep, string asSpace)
    {
        if (!text.Any(static c => IsSteering(c) || char.IsSurrogate(c)))
        {
            return text;
        }

        var shown = new StringBuilder(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (asSpace.Contains(c, StringComparison.Ordinal))
            {
                // A line that ends in two characters is one space.
                if (c != '\n' || i == 0 || text[i - 1] != '\r')
                {
                    shown.Append(' ');
                }
            }
            else if (keep.Contains(c, StringComparison.Ordinal))
            {
                shown.Append(c);
            }
            else if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                var isTag = char.ConvertToUtf32(c, text[i + 1]) is >= TagFirst and <= TagLast;
                Append(shown, c, isTag);
                Append(shown, text[++i], isTag);
            }
            else
            {
                Append(shown, c, IsSteering(c) || char.IsSurrogate(c));
            }
        }

        return shown.ToString();
    }

    private static void Append(StringBuilder shown, char c, bool byNumber)
    {
        if (byNumber)
        {
            shown.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
        }
        else
        {
            shown.Append(c);
        }
    }
}
