using System.Collections.Concurrent;
using System.Text;
using Ledger.Grpc.Edge;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Ledger.Node.Edge;

/// <summary>The console log, which never waits: what whoever reads the output does not take in time is thrown away and
/// counted. Where it waited, a reader that stalls would stop the node.</summary>
/// <remarks>The formatters and the settings are those of the framework's console log, <c>Logging:Console</c>.</remarks>
[ProviderAlias("Console")]
internal sealed class DroppingConsole : ILoggerProvider, ISupportExternalScope
{
    private const int QueueMax = 2500;
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1.5);

    private readonly BlockingCollection<(string Text, bool IsError)> queue = new(QueueMax);
    private readonly LogDrops drops;
    private readonly LogLevel errorsFrom;
    private readonly Thread writer;

    public DroppingConsole(
        IOptions<ConsoleLoggerOptions> options, IEnumerable<ConsoleFormatter> formatters, LogDrops drops)
    {
        this.drops = drops;
        errorsFrom = options.Value.LogToStandardErrorThreshold;
        ConsoleFormatter[] known = [.. formatters];
        var name = options.Value.FormatterName ?? ConsoleFormatterNames.Simple;
        Formatter = Array.Find(known, one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new SettingsException(
                $"Logging:Console:FormatterName is '{name}'; there are"
                + $" {string.Join(", ", known.Select(static one => one.Name))}.");
        writer = new Thread(WriteAll) { IsBackground = true, Name = "console log" };
        writer.Start();
    }

    /// <summary>How records look.</summary>
    public ConsoleFormatter Formatter { get; }

    /// <summary>What records stand within.</summary>
    public IExternalScopeProvider? Scopes { get; private set; }

    /// <summary>Has what adds the framework's console log add this one instead.</summary>
    public static void AddTo(ILoggingBuilder logging)
    {
        logging.AddConsole();
        var framework = logging.Services.Single(static one => one.ImplementationType == typeof(ConsoleLoggerProvider));
        logging.Services.Remove(framework);
        logging.Services.AddSingleton<ILoggerProvider, DroppingConsole>();
    }

    public ILogger CreateLogger(string categoryName) => new DroppingConsoleLogger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => Scopes = scopeProvider;

    /// <summary>Writes a text soon, or throws it away.</summary>
    public void Write(string text, LogLevel level)
    {
        try
        {
            if (!queue.TryAdd((text, level >= errorsFrom)))
            {
                drops.Add();
            }
        }
        catch (InvalidOperationException)
        {
            drops.Add(); // It ends.
        }
    }

    public void Dispose()
    {
        queue.CompleteAdding();

        // Nobody may ever read the rest.
        writer.Join(EndPatience);
    }

    // Streams of its own: whoever waits for the console's would wait for the reader as well.
    private void WriteAll()
    {
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        using var error = new StreamWriter(Console.OpenStandardError(), new UTF8Encoding(false));
        try
        {
            foreach (var (text, isError) in queue.GetConsumingEnumerable())
            {
                var stream = isError ? error : output;
                stream.Write(text);
                if (isError || queue.Count == 0)
                {
                    stream.Flush();
                }
            }
        }
        catch (IOException)
        {
            // Whoever read the output is gone. The node goes on.
            foreach (var _ in queue.GetConsumingEnumerable())
            {
                drops.Add();
            }
        }
    }
}
