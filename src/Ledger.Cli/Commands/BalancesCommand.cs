using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Import;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger balances</c>.</summary>
internal static class BalancesCommand
{
    public static Command Create(CliContext context, GlobalOptions options)
    {
        var command = new Command(
            "balances",
            "Lists accounts with their balances: posted debits less posted credits, in minor units. Each is as of its "
            + "own moment. Accounts whose addresses differ only in the asset (cash:USD, cash:EUR) are grouped. Zero "
            + "balances in a group are hidden; --all shows them, and the accounts in which imports remember their "
            + "keys. An account on which transactions are in doubt is listed without a balance.");
        var all = new Option<bool>("--all") { Description = "List every account." };
        command.Options.Add(all);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var lines = new List<(string Account, string Asset, string Balance)>();
            await foreach (var account in client.ListAccountsAsync(
                request: new RequestOptions { AllowInDoubt = true }, cancellationToken: cancellationToken))
            {
                if (account.Doubt is { } doubt)
                {
                    // No number is better than one that may be wrong.
                    await context.Error.WriteLineAsync($"warning: {account.Spec.Address}: {Doubts.Summary(doubt)}");
                }

                lines.Add(
                    (account.Spec.Address, account.Spec.Asset, account.Doubt is null
                        ? account.Balance.ToString()
                        : ""));
            }

            if (!parsed.GetValue(all))
            {
                lines = WithoutIdleAssets([.. lines.Where(static l => !ImportRegister.Owns(l.Account, l.Asset))]);
            }

            lines.Sort((a, b) => string.CompareOrdinal(a.Account, b.Account));
            Write(context, options.Format(parsed), lines);
            return ExitCodes.Applied;
        });
        return command;
    }

    /// <summary>Leaves out the assets at zero of names that hold another asset that is not.</summary>
    internal static List<(string Account, string Asset, string Balance)> WithoutIdleAssets(
        List<(string Account, string Asset, string Balance)> lines)
    {
        var names = lines.Where(static line => line.Balance != "0").Select(NameOf).ToHashSet(StringComparer.Ordinal);
        return [.. lines.Where(line => line.Balance != "0" || !names.Contains(NameOf(line)))];
    }

    // The address without its last segment where that is the asset's code; such a name may hold several assets.
    private static string NameOf((string Account, string Asset, string Balance) line)
    {
        var code = ":" + line.Asset[..line.Asset.IndexOf('/', StringComparison.Ordinal)];
        return line.Account.EndsWith(code, StringComparison.Ordinal)
            ? line.Account[..^code.Length] + ":*"
            : line.Account;
    }

    private static void Write(
        CliContext context, string format, List<(string Account, string Asset, string Balance)> lines)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                Csv.WriteLine(context.Out, "account", "asset", "balance");
                foreach (var (account, asset, balance) in lines)
                {
                    Csv.WriteLine(context.Out, Csv.Text(account), asset, balance);
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
