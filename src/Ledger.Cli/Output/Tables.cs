using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ledger.Cli.Output;

/// <summary>Writes tables for people.</summary>
internal static class Tables
{
    private const int WidthOfFile = 4096;
    private const string Gap = "  ";

    /// <summary>Writes a list. Nothing is ever broken or cut, since half an amount reads like another one: where the
    /// terminal is too narrow, columns without any value go first, and then each line is written as names and
    /// values.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="columns">The headings; one that begins with <c>&gt;</c> is a column of numbers.</param>
    /// <param name="rows">The lines.</param>
    public static void Write(CliContext context, string[] columns, IEnumerable<string[]> rows)
    {
        var console = Open(context);
        var lines = rows.Select(static row => row.Select(LedgerCli.OneLine).ToArray()).ToArray();
        int[] places = [.. Enumerable.Range(0, columns.Length)];
        if (lines.Length > 0 && !Fits(console, Create(context, columns, lines, places)))
        {
            places = [.. places.Where(place => lines.Any(line => line[place].Length > 0))];
        }

        var table = Create(context, columns, lines, places);
        if (lines.Length == 0 || Fits(console, table))
        {
            console.Write(table);
            return;
        }

        foreach (var line in lines)
        {
            WriteRecord(
                context, [.. places.Select(place => (columns[place].TrimStart('>'), line[place]))], isDim: false);
            context.Out.WriteLine();
        }
    }

    /// <summary>Writes one thing as names and values; what is empty is left out. Where both don't fit into the
    /// terminal's line, the value has a line of its own: the terminal would go on with the second half of an amount in
    /// the next one.</summary>
    public static void WriteOne(CliContext context, params (string Name, string Value)[] fields) =>
        WriteRecord(
            context, [.. fields.Select(static field => (field.Name, LedgerCli.OneLine(field.Value)))], isDim: true);

    public static string Metadata(IReadOnlyDictionary<string, string> metadata) => string.Join(
        ", ",
        metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}"));

    private static void WriteRecord(CliContext context, (string Name, string Value)[] fields, bool isDim)
    {
        var console = Open(context);
        var (dim, plain) = isDim && context.UseColor && console.Profile.Capabilities.Ansi
            ? ("\u001b[2m", "\u001b[0m")
            : ("", "");
        var shown = fields.Where(static field => field.Value.Length > 0).ToArray();
        var width = shown.Length == 0 ? 0 : shown.Max(static field => field.Name.Length);
        foreach (var (name, value) in shown)
        {
            var room = context.OutIsTerminal ? console.Profile.Width : int.MaxValue;
            if (width + Gap.Length + Words.Cells(value) <= room)
            {
                context.Out.WriteLine($"{dim}{name.PadRight(width)}{plain}{Gap}{value}");
                continue;
            }

            context.Out.WriteLine($"{dim}{name}{plain}");
            var indent = value.Split(' ').Max(Words.Cells) + Gap.Length <= room ? Gap : "";
            context.Out.WriteLine(indent + Words.Break(value, room - indent.Length, context.Out.NewLine + indent));
        }
    }

    private static Table Create(CliContext context, string[] columns, string[][] lines, int[] places)
    {
        var table = new Table().Border(context.OutIsTerminal ? TableBorder.Rounded : TableBorder.Ascii2);
        foreach (var column in places.Select(place => columns[place]))
        {
            var isNumber = column.StartsWith('>');
            var heading = new TableColumn(new Text(isNumber ? column[1..] : column)).NoWrap();
            table.AddColumn(isNumber ? heading.RightAligned() : heading);
        }

        foreach (var line in lines)
        {
            table.AddRow(places.Select(place => new Text(line[place])));
        }

        return table;
    }

    private static bool Fits(IAnsiConsole console, IRenderable what) =>
        what.Measure(RenderOptions.Create(console, console.Profile.Capabilities), WidthOfFile).Max <= console.Profile
            .Width;

    private static IAnsiConsole Open(CliContext context)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = context.UseColor ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = context.UseColor ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(context.Out),
        });
        if (!context.OutIsTerminal)
        {
            // Nothing to fit into: a file or a pipe takes whole lines.
            console.Profile.Width = WidthOfFile;
        }
        else if (context.Width is { } width)
        {
            console.Profile.Width = width;
        }

        return console;
    }
}
