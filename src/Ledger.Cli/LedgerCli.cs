using System.CommandLine;
using System.Globalization;
using Ledger.Cli.Commands;
using Ledger.Cli.Output;

namespace Ledger.Cli;

/// <summary>The <c>ledger</c> command.</summary>
internal static class LedgerCli
{
    /// <summary>Runs one command line.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="output">Where the result goes.</param>
    /// <param name="error">Where everything else goes.</param>
    /// <param name="cancellationToken">Interrupts the command.</param>
    /// <returns>The exit code; see <see cref="ExitCodes"/>.</returns>
    public static Task<int> RunAsync(
        string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken = default) =>
        RunAsync(
            args,
            new CliContext
            {
                Out = output,
                Error = error,
                OutIsTerminal = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected,
                Width = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected ? WidthOfTerminal() : null,
                ErrorIsTerminal = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected,
                ErrorWidth = ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected
                    ? WidthOfTerminal()
                    : null,
            },
            cancellationToken);

    /// <summary>Runs one command line in a given world.</summary>
    public static async Task<int> RunAsync(
        string[] args, CliContext context, CancellationToken cancellationToken = default)
    {
        // Whatever the machine's language: scripts read what is printed, and a number is typed in one way. It ends
        // with this call.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        var parsed = CreateRoot(context).Parse(args);
        if (UnknownWord(parsed) is { } word)
        {
            await context.Error.WriteLineAsync($"error: {OneLine(word)}");
            await context.Error.WriteLineAsync($"See '{Path(parsed)} --help'.");
            return ExitCodes.Usage;
        }

        if (parsed.Errors.Count > 0 && parsed.Action is not { ClearsParseErrors: true })
        {
            foreach (var message in parsed.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal))
            {
                await context.Error.WriteLineAsync($"error: {OneLine(message)}");
            }

            await context.Error.WriteLineAsync($"See '{Path(parsed)} --help'.");
            return ExitCodes.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            Output = context.Out,
            Error = context.Error,
            EnableDefaultExceptionHandler = false,
        };
        var code = await parsed.InvokeAsync(invocation, cancellationToken);
        await context.Out.FlushAsync(CancellationToken.None);
        return code;
    }

    // A terminal that does not say breaks lines by itself.
    private static int? WidthOfTerminal()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : null;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    internal static string OneLine(string text) => Printable.Of(text);

    private static RootCommand CreateRoot(CliContext context)
    {
        var options = new GlobalOptions(context);
        var root = new RootCommand($"The command line of Ledger.\n\n{ExitCodes.Help}");
        options.AddTo(root);
        root.Subcommands.Add(AccountsCommand.Create(context, options));
        root.Subcommands.Add(TransfersCommand.Create(context, options));
        root.Subcommands.Add(TransactionsCommand.Create(context, options));
        root.Subcommands.Add(ListCommands.CreateHolds(context, options));
        root.Subcommands.Add(ImportCommand.Create(context, options));
        root.Subcommands.Add(BalancesCommand.Create(context, options));
        root.Subcommands.Add(AdminCommand.Create(context, options));
        root.Subcommands.Add(AuditCommand.Create(context, options));
        return root;
    }

    /// <summary>What stands where a command should, told once; null when nothing does. Also beside --help, which would
    /// otherwise show the help of another command as if all were well.</summary>
    private static string? UnknownWord(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is not [var word, ..] || command.Subcommands.Count == 0)
        {
            return null;
        }

        var what = word.StartsWith('-') ? "option" : "command";
        var names = string.Join(", ", command.Subcommands.Select(static one => one.Name));
        return $"'{Path(parsed)}' has no {what} '{word}'. Its commands: {names}.";
    }

    private static string Path(ParseResult parsed)
    {
        var names = new List<string>();
        for (var result = parsed.CommandResult; result.Parent is System.CommandLine.Parsing.CommandResult parent;
            result = parent)
        {
            names.Insert(0, result.Command.Name);
        }

        return string.Join(' ', names.Prepend("ledger"));
    }
}
