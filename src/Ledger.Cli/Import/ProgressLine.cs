namespace Ledger.Cli.Import;

/// <summary>Says on stderr how far an import has come: one line rewritten for a person, a line now and then for a
/// log.</summary>
internal sealed class ProgressLine(CliContext context, string what, int total)
{
    private static readonly TimeSpan TerminalPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LogPause = TimeSpan.FromSeconds(5);

    private long last = context.Time.GetTimestamp();
    private int done;
    private bool shown;

    public void Advance()
    {
        done++;
        if (context.Time.GetElapsedTime(last) >= (context.ErrorIsTerminal ? TerminalPause : LogPause))
        {
            last = context.Time.GetTimestamp();
            Write();
        }
    }

    /// <summary>Makes room for another line.</summary>
    public void Clear()
    {
        if (shown)
        {
            context.ErrorTerminal.Write("\r\u001b[K");
            shown = false;
        }
    }

    public void End()
    {
        Write();
        if (shown)
        {
            context.ErrorTerminal.WriteLine();
            shown = false;
        }
    }

    private void Write()
    {
        if (context.ErrorIsTerminal)
        {
            context.ErrorTerminal.Write($"\r{what}: {done} of {total}");
            shown = true;
        }
        else
        {
            context.ErrorTerminal.WriteLine($"{what}: {done} of {total}");
        }
    }
}
