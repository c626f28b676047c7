using System.Globalization;
using System.Text;

namespace Ledger.Cli.Import;

/// <summary>Makes what a file says safe to show: a control character in it must not reach the terminal.</summary>
internal static class Printable
{
    /// <summary>The text on one line, with control characters by their numbers.</summary>
    public static string Of(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var shown = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            if (c is '\n' or '\r' or '\t')
            {
                shown.Append(' ');
            }
            else if (char.IsControl(c))
            {
                shown.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.ToString();
    }
}
