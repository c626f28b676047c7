using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger admin in-doubt list|show</c>.</summary>
internal static class AdminCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("admin", "What an operator asks, on the node's own machine.")
        {
            new Command("in-doubt", "Transactions that are prepared and not decided.")
            {
                CreateList(context, options),
                CreateShow(context, options),
            },
        };

    private static Command CreateList(CliContext context, GlobalOptions options)
    {
        var command = new Command(
            "list", "Lists the accounts that have been in doubt for half a minute or longer. One may be in doubt no more.");
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
                    context, ["account", "in doubt since"], found.Select(static one => new[] { one.Address, Names.Of(one.Since) }));
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static Command CreateShow(CliContext context, GlobalOptions options)
    {
        var address = AccountsCommand.AddressArgument();
        var command = new Command("show", "Shows what is in doubt on an account: the oldest 100 transactions.") { address };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var found = await client.GetInDoubtAsync(parsed.GetRequiredValue(address), cancellationToken: cancellationToken);
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
}
