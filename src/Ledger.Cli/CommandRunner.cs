using System.CommandLine;
using Grpc.Core;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>Runs the action of a command and turns what goes wrong into one line and an exit code.</summary>
internal static class CommandRunner
{
    /// <param name="command">The command.</param>
    /// <param name="context">The world.</param>
    /// <param name="options">The options that every command has.</param>
    /// <param name="writes">Whether the command changes the ledger, so that an interruption leaves it open.</param>
    /// <param name="action">What it does; gives the exit code.</param>
    public static void SetLedgerAction(
        this Command command,
        CliContext context,
        GlobalOptions options,
        bool writes,
        Func<LedgerClient, ParseResult, CancellationToken, Task<int>> action) =>
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                await using var client = options.Connect(context, parsed);
                return await action(client, parsed, cancellationToken);
            }
            catch (LedgerClientException failure)
            {
                return await ReportAsync(context, failure, options.Servers(parsed));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await context.Error.WriteLineAsync(writes
                    ? "error: interrupted; the outcome of what was under way is unknown."
                    : "error: interrupted.");
                return writes ? ExitCodes.Unknown : ExitCodes.Unreachable;
            }
            catch (OutputException failure)
            {
                // What was sent is done or not whether or not it could be told.
                await context.Error.WriteLineAsync("error: the result can't be written: " + failure.Message + (writes
                    ? " The outcome is unknown: give the same command with the same id again."
                    : ""));
                return writes ? ExitCodes.Unknown : ExitCodes.Defect;
            }
            catch (Exception failure)
            {
                // The last resort: people get one line, never a stack trace.
                await context.Error.WriteLineAsync(
                    $"error: {failure.GetType().Name}: {LedgerCli.OneLine(failure.Message)}");
                return ExitCodes.Defect;
            }
        });

    public static async Task<int> ReportAsync(CliContext context, LedgerClientException failure, string servers)
    {
        var (code, text) = Explain(failure, servers);
        await context.Error.WriteLineAsync($"error: {text}");
        return code;
    }

    public static (int ExitCode, string Text) Explain(LedgerClientException failure, string servers)
    {
        var message = LedgerCli.OneLine(failure.Message);
        if (failure.Field.Length > 0)
        {
            message = $"{message} (field {failure.Field})";
        }

        if (failure.OutcomeUnknown)
        {
            return (ExitCodes.Unknown, $"the outcome is unknown ({Name(failure)}): {message}");
        }

        if (failure.Misaddressed)
        {
            return (ExitCodes.Unreachable, $"{servers}: {message} Nothing was sent.");
        }

        if (failure.Unreachable)
        {
            return (ExitCodes.Unreachable, $"no node can be reached at {servers}");
        }

        return failure.Code switch
        {
            StatusCode.NotFound => (ExitCodes.Rejected, $"not found: {message}"),
            StatusCode.ResourceExhausted =>
                (ExitCodes.Unreachable, $"the ledger has no room for the request: {message}"),
            StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled or StatusCode.Internal
                or StatusCode.Unknown => (ExitCodes.Unreachable, $"no answer ({Name(failure)}): {message}"),
            _ => (ExitCodes.Rejected, $"refused ({Name(failure)}): {message}"),
        };
    }

    private static string Name(LedgerClientException failure) => Names.ScreamingSnake(failure.Code.ToString());
}
