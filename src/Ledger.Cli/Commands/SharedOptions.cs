using System.CommandLine;

namespace Ledger.Cli.Commands;

/// <summary>Options that several commands have.</summary>
internal static class SharedOptions
{
    public static Option<uint> Code(string description) => new("--code")
    {
        Description = description,
        HelpName = "N",
        CustomParser = Parse.Code,
    };

    public static Option<string?> Reference() => new("--reference")
    {
        Description = "Your own reference, at most 128 characters.",
        HelpName = "TEXT",
    };

    public static Option<IReadOnlyDictionary<string, string>> Metadata() => new("--metadata")
    {
        Description = "Up to 16 key=value pairs.",
        HelpName = "KEY=VALUE",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
        CustomParser = Parse.Metadata,
        DefaultValueFactory = _ => new Dictionary<string, string>(),
    };

    public static Option<TimeSpan> RetryFor(TimeSpan value) => new("--retry-for")
    {
        Description = "How long to send the same id again while the outcome is unknown, such as 30s.",
        HelpName = "TIME",
        CustomParser = Parse.Duration,
        DefaultValueFactory = _ => value,
    };
}
