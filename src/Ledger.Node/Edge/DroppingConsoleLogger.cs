using Microsoft.Extensions.Logging.Abstractions;

namespace Ledger.Node.Edge;

/// <summary>One category of the <see cref="DroppingConsole"/>.</summary>
internal sealed class DroppingConsoleLogger(DroppingConsole console, string category) : ILogger
{
    private const int KeptMax = 4096;

    [ThreadStatic]
    private static StringWriter? t_text;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => console.Scopes?.Push(state);

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var writer = t_text ??= new StringWriter();
        var entry = new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter);
        console.Formatter.Write(in entry, console.Scopes, writer);
        var text = writer.GetStringBuilder();
        if (text.Length > 0)
        {
            console.Write(text.ToString(), logLevel);
        }

        text.Clear();
        if (text.Capacity > KeptMax)
        {
            t_text = null;
        }
    }
}
