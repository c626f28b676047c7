using System.Text;

namespace Ledger.Cli.Output;

/// <summary>Writes messages, whatever is told in them, so that nothing in them steers the terminal.</summary>
/// <remarks>For whole texts. A character alone is written as it is.</remarks>
/// <param name="inner">Where to.</param>
/// <param name="width">How many characters a line of the terminal holds, where it is one: a message is broken between
/// its words, since the terminal would break an amount or an id.</param>
internal sealed class PrintableWriter(TextWriter inner, Func<int?> width)
    : TextWriter(System.Globalization.CultureInfo.InvariantCulture)
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => inner.Write(value);

    public override void Write(string? value) => inner.Write(Of(value));

    public override void Write(char[] buffer, int index, int count) =>
        inner.Write(Of(new string(buffer, index, count)));

    public override void Write(ReadOnlySpan<char> buffer) => inner.Write(Of(buffer.ToString()));

    public override void WriteLine(string? value) => inner.WriteLine(Broken(Of(value)));

    public override Task WriteAsync(char value) => inner.WriteAsync(value);

    public override Task WriteAsync(string? value) => inner.WriteAsync(Of(value));

    public override Task WriteLineAsync(string? value) => inner.WriteLineAsync(Broken(Of(value)));

    public override void Flush() => inner.Flush();

    public override Task FlushAsync() => inner.FlushAsync();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    private string? Broken(string? text) =>
        text is null || width() is not { } most ? text : Words.Break(text, most, inner.NewLine);

    // An end of line is one here, on every system.
    private static string? Of(string? text) =>
        text is null ? null : Printable.Lines(text.Replace("\r\n", "\n", StringComparison.Ordinal));
}
