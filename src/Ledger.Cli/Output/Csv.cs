namespace Ledger.Cli.Output;

/// <summary>Writes CSV by RFC 4180, line ends (CRLF) included, so that the output is the same everywhere.</summary>
internal static class Csv
{
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

    private static string Quoted(string field) => field.AsSpan().IndexOfAny("\",\r\n") < 0
        ? field
        : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
