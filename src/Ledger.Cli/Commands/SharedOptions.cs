using System.CommandLine;
using Ledger.Client;

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

    public static Option<DateTimeOffset?> EffectiveTime() => new("--effective-time")
    {
        Description = "When it counts from a business point of view. A time without an offset is UTC."
            + " [default: when it is committed]",
        HelpName = "TIME",
        CustomParser = Parse.Time,
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

    public static Option<string> Account(string name, string description, bool required = true) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        Required = required,
        CustomParser = Parse.Address,
    };

    /// <summary>The id of what a command is about. It can't be left out.</summary>
    public static Argument<Guid?> IdArgument(string name, string description) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = Parse.Id,
    };

    /// <summary>The id of what a command makes. <see cref="IdAsync"/> reads it.</summary>
    public static Option<Guid?> Id(string what) => new("--id")
    {
        Description = $"The {what}'s id, a UUID. Give the same id to send the same {what} again. "
            + "[default: a new UUID of version 7, printed to stderr before it is sent]",
        HelpName = "UUID",
        CustomParser = Parse.Id,
    };

    /// <summary>The id that was given, or a new one, told before it is used: whatever happens then, the same can be
    /// sent again.</summary>
    public static async Task<Guid> IdAsync(
        CliContext context, ParseResult parsed, Option<Guid?> option, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(option) is { } given)
        {
            return given;
        }

        var id = context.Ids.New();
        await context.Error.WriteLineAsync($"id {id:D}");
        await context.Error.FlushAsync(cancellationToken);
        return id;
    }

    public static Option<string> Reason(string description, bool required) => new("--reason")
    {
        Description = description + " At most 256 characters.",
        HelpName = "TEXT",
        Required = required,
        CustomParser = Parse.Reason,
    };

    public static RequestOptions Request(ParseResult parsed, Option<LengthOfTime> retryFor) =>
        new() { RetryUnknownFor = parsed.GetRequiredValue(retryFor).Value };

    public static Option<LengthOfTime> RetryFor(TimeSpan value) =>
        RetryFor(value, "How long to send the same id again while the outcome is unknown, such as 30s.");

    /// <summary>For a change without an id.</summary>
    public static Option<LengthOfTime> RetryUnsentFor() => RetryFor(
        TimeSpan.Zero,
        "How long to try while no node can be reached, such as 30s. What may have been sent is not sent again: it has "
        + "no id, and a late copy could undo what somebody else has changed since.");

    private static Option<LengthOfTime> RetryFor(TimeSpan value, string description) => new("--retry-for")
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = Parse.Duration,
        DefaultValueFactory = _ => new LengthOfTime(value),
    };
}
