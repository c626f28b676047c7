using Ledger.Conformance.Grammar;
using Ledger.Conformance.Reporting;
using Ledger.Conformance.Running;

namespace Ledger.Conformance;

/// <summary>The program: reads all tables, runs them, reports.</summary>
internal static class ConformanceProgram
{
    private const int Good = 0;
    private const int Bad = 1;
    private const int Unusable = 2;
    private const int Interrupted = 130;

    /// <summary>Runs it.</summary>
    /// <returns>0 when every applicable row passes, 1 when not, 2 when the tables can't be read.</returns>
    public static async Task<int> RunAsync(
        string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken = default)
    {
        if (args is not [var directory] || directory.StartsWith('-'))
        {
            await error.WriteLineAsync("usage: Ledger.Conformance DIR    runs every *.table in DIR");
            return Unusable;
        }

        if (Read(directory, error) is not { } tables)
        {
            return Unusable;
        }

        try
        {
            var report = await RunAsync(tables, cancellationToken);
            report.Write(output);
            await output.FlushAsync(CancellationToken.None);
            return report.IsGood ? Good : Bad;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            // A ledger that stops under its callers may say so in many ways.
            await error.WriteLineAsync("interrupted");
            return Interrupted;
        }
    }

    /// <summary>Runs tables, one after the other.</summary>
    public static async Task<Report> RunAsync(
        IReadOnlyList<Table> tables, CancellationToken cancellationToken = default)
    {
        var report = new Report();
        foreach (var table in tables)
        {
            await TableRun.RunAsync(table, report, cancellationToken);
        }

        return report;
    }

    // A table that can't be read leaves rows uncounted, so none is run then: a score of the others would mislead.
    private static List<Table>? Read(string directory, TextWriter error)
    {
        var tables = new List<Table>();
        var isReadable = true;
        try
        {
            foreach (var path in Directory.GetFiles(directory, "*.table").Order(StringComparer.Ordinal))
            {
                try
                {
                    tables.Add(TableParser.Parse(Path.GetFileName(path), File.ReadAllText(path)));
                }
                catch (TableException e)
                {
                    error.WriteLine(e.Message);
                    isReadable = false;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error.WriteLine(e.Message);
            return null;
        }

        if (isReadable && tables.Count == 0)
        {
            error.WriteLine($"{directory}: holds no *.table.");
            return null;
        }

        return isReadable ? tables : null;
    }
}
