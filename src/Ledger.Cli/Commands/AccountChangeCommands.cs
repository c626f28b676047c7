using System.CommandLine;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger accounts freeze|unfreeze|close|reopen|set-limits</c>. Doing it again changes nothing.</summary>
internal static class AccountChangeCommands
{
    public static Command CreateFreeze(CliContext context, GlobalOptions options)
    {
        var debits = new Option<bool>("--debits") { Description = "Refuse what debits the account." };
        var credits = new Option<bool>("--credits") { Description = "Refuse what credits the account." };
        var reason = SharedOptions.Reason("Why.", required: false);
        var until = new Option<DateTimeOffset?>("--until")
        {
            Description = "When the freeze ends by itself. A time without an offset is UTC. [default: never]",
            HelpName = "TIME",
            CustomParser = Parse.Time,
        };
        var command = Create(
            context, options, "freeze", "Freezes an account for debits, credits or both, or replaces its freeze.",
            (client, parsed, address, request, cancellationToken) => client.FreezeAccountAsync(
                address,
                new AccountFreeze
                {
                    Debits = parsed.GetValue(debits),
                    Credits = parsed.GetValue(credits),
                    Reason = parsed.GetValue(reason) ?? "",
                    EndTime = parsed.GetValue(until),
                },
                request, cancellationToken),
            debits, credits, reason, until);
        command.Validators.Add(result =>
        {
            if (!result.GetValue(debits) && !result.GetValue(credits))
            {
                result.AddError("Give --debits, --credits or both.");
            }
        });
        return command;
    }

    public static Command CreateUnfreeze(CliContext context, GlobalOptions options)
    {
        var reason = SharedOptions.Reason("Why.", required: false);
        return Create(
            context, options, "unfreeze", "Ends the freeze of an account.",
            (client, parsed, address, request, cancellationToken) => client.UnfreezeAccountAsync(
                address, parsed.GetValue(reason) ?? "", request, cancellationToken),
            reason);
    }

    public static Command CreateClose(CliContext context, GlobalOptions options)
    {
        var reason = SharedOptions.Reason("Why.", required: false);
        return Create(
            context, options, "close",
            "Closes an account, whatever its balance: it takes no transfer but the void of its holds.",
            (client, parsed, address, request, cancellationToken) => client.CloseAccountAsync(
                address, parsed.GetValue(reason) ?? "", request, cancellationToken),
            reason);
    }

    public static Command CreateReopen(CliContext context, GlobalOptions options)
    {
        var reason = SharedOptions.Reason("Why.", required: false);
        return Create(
            context, options, "reopen", "Opens a closed account again.",
            (client, parsed, address, request, cancellationToken) => client.ReopenAccountAsync(
                address, parsed.GetValue(reason) ?? "", request, cancellationToken),
            reason);
    }

    public static Command CreateSetLimits(CliContext context, GlobalOptions options)
    {
        var debitLimit = AccountsCommand.DebitLimit();
        var creditLimit = AccountsCommand.CreditLimit();
        var none = new Option<bool>("--none") { Description = "Take the limits away." };
        var command = Create(
            context, options, "set-limits", "Sets the limits of an account: one that is not given is taken away.",
            (client, parsed, address, request, cancellationToken) => client.SetAccountLimitsAsync(
                address, AccountsCommand.Given(parsed, debitLimit), AccountsCommand.Given(parsed, creditLimit), request,
                cancellationToken),
            debitLimit, creditLimit, none);
        command.Validators.Add(result =>
        {
            var given = (result.GetResult(debitLimit) is null ? 0 : 1) + (result.GetResult(creditLimit) is null ? 0 : 1)
                + (result.GetValue(none) ? 1 : 0);
            if (given != 1)
            {
                // A slip of the hand should not take a limit away.
                result.AddError(
                    "Give one of --debits-must-not-exceed-credits, --credits-must-not-exceed-debits and --none.");
            }
        });
        return command;
    }

    private static Command Create(
        CliContext context,
        GlobalOptions options,
        string name,
        string description,
        Func<LedgerClient, ParseResult, string, RequestOptions, CancellationToken, Task<AccountChangeResult>> change,
        params IEnumerable<Option> more)
    {
        var address = AccountsCommand.AddressArgument();
        var retryFor = SharedOptions.RetryUnsentFor();
        var command = new Command(name, description) { address };
        foreach (var option in more)
        {
            command.Options.Add(option);
        }

        command.Options.Add(retryFor);
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var account = parsed.GetRequiredValue(address);
            var outcome = await change(
                client, parsed, account, SharedOptions.Request(parsed, retryFor), cancellationToken);
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, Json.Of(account, outcome));
            }
            else if (outcome.Account is { } changed)
            {
                AccountsCommand.WriteTable(context, changed, Names.Of(outcome.Status));
            }
            else
            {
                Tables.WriteOne(context, ("status", Names.Of(outcome.Status)), ("account", account));
            }

            if (outcome.IsApplied)
            {
                return ExitCodes.Applied;
            }

            await context.Error.WriteLineAsync(outcome.Status == AccountStatus.NotFound
                ? $"error: not found: account {account}"
                : $"error: rejected: {Names.Of(outcome.Status)}");
            return ExitCodes.Rejected;
        });
        return command;
    }
}
