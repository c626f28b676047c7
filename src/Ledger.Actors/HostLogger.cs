using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using Akka.Hosting.Logging;
using Microsoft.Extensions.Logging;
using Level = Microsoft.Extensions.Logging.LogLevel;

namespace Ledger.Actors;

/// <summary>Writes what an actor system logs to the application's log, each line with the category of the class that
/// says it, so that levels can be set by class, and without a second time and level in its text.</summary>
internal sealed class HostLogger : ActorBase, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    // What is said at every start in good order, and sounds as if something were missing: the ledger joins by a call of
    // its own, and only when its shard region is there.
    private static readonly string[] s_expected =
        ["manual cluster join required", "No coordinator found to register", "Trying to register to coordinator"];

    // What Akka gives as the class of lines that have only a name as their source.
    private const string NoClass = "DummyClassForStringSources";

    private readonly ILoggerFactory factory = Context.System.Settings.Setup.Get<LoggerFactorySetup>().Value
        .LoggerFactory;
    private readonly Dictionary<string, ILogger> loggers = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override bool Receive(object message)
    {
        switch (message)
        {
            case InitializeLogger:
                Sender.Tell(new LoggerInitialized());
                return true;
            case LogEvent said:
                Write(said);
                return true;
            default:
                return false;
        }
    }

    /// <summary>How much a line matters.</summary>
    internal static Level LevelOf(Akka.Event.LogLevel level, string text) =>
        Array.Exists(s_expected, expected => text.Contains(expected, StringComparison.Ordinal))
            ? Level.Debug
            : level switch
            {
                Akka.Event.LogLevel.DebugLevel => Level.Debug,
                Akka.Event.LogLevel.InfoLevel => Level.Information,
                Akka.Event.LogLevel.WarningLevel => Level.Warning,
                _ => Level.Error,
            };

    /// <summary>Whose line it is: the class, or of what has none the first word of the source, as
    /// Akka.Cluster.</summary>
    internal static string CategoryOf(Type? type, string? source)
    {
        if (type is not null && !string.Equals(type.Name, NoClass, StringComparison.Ordinal))
        {
            return type.FullName ?? type.Name;
        }

        var word = string.Concat((source ?? "").TakeWhile(char.IsAsciiLetter));
        return word.Length == 0 ? "Akka" : $"Akka.{char.ToUpperInvariant(word[0])}{word[1..]}";
    }

    private void Write(LogEvent said)
    {
        var category = CategoryOf(said.LogClass, said.LogSource);
        if (!loggers.TryGetValue(category, out var logger))
        {
            loggers.Add(category, logger = factory.CreateLogger(category));
        }

        var text = said.Message?.ToString() ?? "";
        logger.Log(LevelOf(said.LogLevel(), text), default, text, said.Cause, static (line, _) => line);
    }
}
