using Spectre.Console;

namespace Ledger.Cli.Output;

/// <summary>Writes tables for people.</summary>
internal static class Tables
{
    /// <summary>Writes a list.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="columns">The headings; one that begins with <c>&gt;</c> is a column of numbers.</param>
    /// <param name="rows">The lines.</param>
    public static void Write(CliContext context, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().Border(context.OutIsTerminal ? TableBorder.Rounded : TableBorder.Ascii2);
        foreach (var column in columns)
        {
            var isNumber = column.StartsWith('>');
            // Cells are never wrapped: a broken address or amount can't be copied.
            var heading = new TableColumn(new Text(isNumber ? column[1..] : column)).NoWrap();
            table.AddColumn(isNumber ? heading.RightAligned() : heading);
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => new Text(LedgerCli.OneLine(cell))));
        }

        Write(context, table);
    }

    /// <summary>Writes one thing as names and values; what is empty is left out.</summary>
    public static void WriteOne(CliContext context, params (string Name, string Value)[] fields)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap());
        foreach (var (name, value) in fields.Where(field => field.Value.Length > 0))
        {
            grid.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), new Text(LedgerCli.OneLine(value)));
        }

        Write(context, grid);
    }

    public static string Metadata(IReadOnlyDictionary<string, string> metadata) => string.Join(
        ", ",
        metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}={entry.Value}"));

    private static void Write(CliContext context, Spectre.Console.Rendering.IRenderable what)
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
            console.Profile.Width = 4096;
        }

        console.Write(what);
    }
}
