using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger admin in-doubt list|show|resolve</c>.</summary>
internal static class AdminCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("admin", "What an operator asks, on the node's own machine.")
        {
            new Command("in-doubt", "Transactions that are prepared and not decided.")
            {
                CreateList(context, options),
                CreateShow(context, options),
                CreateResolve(context, options),
            },
            BlockCommands.CreateBlock(context, options),
            BlockCommands.CreateUnblock(context, options),
            BlockCommands.CreateList(context, options),
        };

    private static Command CreateList(CliContext context, GlobalOptions options)
    {
        var command = new Command(
            "list",
            "Lists the accounts that have been in doubt for half a minute or longer. One may be in doubt no more.");
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var found = new List<AccountInDoubt>();
            await foreach (var account in client.ListInDoubtAsync(cancellationToken: cancellationToken))
            {
                found.Add(account);
            }

            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, new JsonObject
                {
                    ["accounts"] = Json.Array([.. found.Select(static account => (JsonNode)new JsonObject
                    {
                        ["address"] = account.Address, ["since"] = Names.Of(account.Since),
                    })]),
                });
            }
            else
            {
                Tables.Write(
                    context, ["account", "in doubt since"],
                    found.Select(static one => new[] { one.Address, Names.Of(one.Since) }));
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static Command CreateShow(CliContext context, GlobalOptions options)
    {
        var address = AccountsCommand.AddressArgument();
        var command =
            new Command("show", "Shows what is in doubt on an account: the oldest 100 transactions.") { address };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var found = await client.GetInDoubtAsync(
                parsed.GetRequiredValue(address), cancellationToken: cancellationToken);
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, new JsonObject
                {
                    ["transactions"] = Json.Array([.. found.Select(static one => (JsonNode)Doubts.Of(one))]),
                });
            }
            else
            {
                Doubts.Write(context, found);
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static Command CreateResolve(CliContext context, GlobalOptions options)
    {
        var id = SharedOptions.IdArgument("ID", "The id of the transaction, or of the transfer that stands alone.");
        var account = SharedOptions.Account("--account", "An account that has it in doubt; best its coordinator.");
        var by = new Option<string>("--by")
        {
            Description = "Who wants it aborted, as is to be journaled.", HelpName = "WHO", Required = true,
        };
        var reason = new Option<string>("--reason")
        {
            Description = "Why, as is to be journaled.", HelpName = "TEXT", Required = true,
        };
        var command = new Command(
            "resolve",
            "Has a transaction aborted that is in doubt, unless its last agent has committed it. "
                + "The same command may be given again.")
        {
            id, account, by, reason,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var ended = await client.ResolveInDoubtAsync(
                parsed.GetRequiredValue(account), parsed.GetValue(id)!.Value, parsed.GetRequiredValue(by),
                parsed.GetRequiredValue(reason), cancellationToken: cancellationToken);
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, new JsonObject
                {
                    ["committed"] = ended.IsCommitted,
                    ["decision"] = Names.ScreamingSnake(ended.Decision.ToString()),
                    ["coordinator"] = ended.Coordinator,
                    ["lastAgent"] = ended.LastAgent,
                    ["row"] = ended.Row,
                    ["booked"] = ended.IsBooked,
                    ["unbooked"] = Json.Array([.. ended.Unbooked.Select(static one => (JsonNode)new JsonObject
                    {
                        ["address"] = one.Address, ["detail"] = one.Detail,
                    })]),
                });
            }
            else
            {
                Tables.Write(
                    context,
                    ["outcome", "decided by", "last agent", "row", "coordinator", "booked"],
                    [
                        [
                            ended.IsCommitted ? "committed" : "aborted", TextOf(ended.Decision), ended.LastAgent,
                            ended.Row == 0 ? "" : ended.Row.ToString(CultureInfo.InvariantCulture), ended.Coordinator,
                            ended.IsBooked ? "yes" : "no",
                        ],
                    ]);
            }

            foreach (var one in ended.Unbooked)
            {
                await context.Error.WriteLineAsync(
                    $"warning: {one.Address} has not booked it, so {ended.Coordinator} has not. {one.Detail} Restore or"
                        + " fix its rows, as its node's log says; the ledger then finishes by itself.");
            }

            if (ended is { IsBooked: false, Unbooked.Count: 0 })
            {
                await context.Error.WriteLineAsync(
                    $"warning: {ended.Coordinator} has not booked it yet; give the same command again.");
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static string TextOf(InDoubtDecision decision) => decision switch
    {
        InDoubtDecision.LastAgent => "last agent",
        InDoubtDecision.Journal => "last agent's journal",
        InDoubtDecision.Operator => "operator",
        _ => Names.ScreamingSnake(decision.ToString()),
    };
}
