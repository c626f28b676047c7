using Microsoft.Extensions.Options;

namespace Ledger.Node;

/// <summary>Says in a line why a node didn't start.</summary>
internal static class StartupErrors
{
    private const string DebugVariable = "LEDGER_DEBUG";

    public static string Explain(Exception exception)
    {
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable(DebugVariable)))
        {
            return exception.ToString();
        }

        // The outer exceptions say what was being done, the inner ones what was wrong.
        var messages = new List<string>();
        for (var current = Unwrap(exception); current is not null; current = Unwrap(current.InnerException))
        {
            var message = OneLine(current.Message).TrimEnd('.');
            if (!messages.Exists(known => known.Contains(message, StringComparison.Ordinal)))
            {
                messages.Add(message);
            }
        }

        return string.Join(": ", messages) + ".";
    }

    private static Exception? Unwrap(Exception? exception) => exception switch
    {
        AggregateException { InnerExceptions: [var single] } => Unwrap(single),
        System.Reflection.TargetInvocationException { InnerException: { } inner } => Unwrap(inner),
        TypeInitializationException { InnerException: { } inner } => Unwrap(inner),
        OptionsValidationException validation => new SettingsException(string.Join(" ", validation.Failures)),
        _ => exception,
    };

    private static string OneLine(string message) =>
        string.Join(' ', message.Split(
            ['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
