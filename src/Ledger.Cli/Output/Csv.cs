namespace Ledger.Cli.Output;

/// <summary>Writes CSV by RFC 4180, line ends (CRLF) included, so that the output is the same everywhere.</summary>
internal static class Csv
{
    // With these a spreadsheet takes what follows for a formula: it calculates, fetches from the network, or starts
    // programs.
    private const string FormulaStarts = "=+-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20";

    public static void WriteLine(TextWriter output, params ReadOnlySpan<string> fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0)
            {
                output.Write(',');
            }

            output.Write(Quoted(fields[i]));
        }

        output.Write("\r\n");
    }

    /// <summary>Text of somebody else as a field: with an apostrophe ahead where a spreadsheet would take it for a
    /// formula, which is how one is told to take it as text; and without what steers a terminal.</summary>
    public static string Text(string text)
    {
        // A spreadsheet looks past blanks.
        var start = text.AsSpan().TrimStart(" \u00A0");
        var isFormula = start.Length > 0 && FormulaStarts.Contains(start[0], StringComparison.Ordinal);
        return (isFormula ? "'" : "") + Printable.Lines(text);
    }

    private static string Quoted(string field) => field.AsSpan().IndexOfAny("\",\r\n;") < 0
        ? field
        : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
