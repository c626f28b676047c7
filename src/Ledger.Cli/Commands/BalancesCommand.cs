using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger balances</c>.</summary>
internal static class BalancesCommand
{
    public static Command Create(CliContext context, GlobalOptions options)
    {
        var command = new Command(
            "balances",
            "Lists all accounts with their balances: posted debits less posted credits, in minor units. Each is as of its "
            + "own moment.");
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var lines = new List<(string Account, string Asset, string Balance)>();
            await foreach (var account in client.ListAccountsAsync(cancellationToken: cancellationToken))
            {
                lines.Add((account.Spec.Address, account.Spec.Asset, account.Balance.ToString()));
            }

            lines.Sort((a, b) => string.CompareOrdinal(a.Account, b.Account));
            Write(context, options.Format(parsed), lines);
            return ExitCodes.Applied;
        });
        return command;
    }

    private static void Write(CliContext context, string format, List<(string Account, string Asset, string Balance)> lines)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                Csv.WriteLine(context.Out, "account", "asset", "balance");
                foreach (var (account, asset, balance) in lines)
                {
                    Csv.WriteLine(context.Out, account, asset, balance);
                }

                break;
            case GlobalOptions.Json:
                var items = lines.Select(JsonNode (line) => new JsonObject
                {
                    ["account"] = line.Account,
                    ["asset"] = line.Asset,
                    ["balance"] = line.Balance,
                });
                Json.Write(context.Out, new JsonObject { ["balances"] = Json.Array(items) });
                break;
            default:
                Tables.Write(
                    context,
                    ["account", "asset", ">balance"],
                    lines.Select(line => new[] { line.Account, line.Asset, line.Balance }));
                break;
        }
    }
}
