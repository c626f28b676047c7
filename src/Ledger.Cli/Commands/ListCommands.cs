using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger transfers list</c>, <c>ledger accounts list</c> and <c>ledger holds list</c>.</summary>
internal static class ListCommands
{
    private const int DefaultLimit = 100;

    public static Command CreateTransfers(CliContext context, GlobalOptions options)
    {
        var account = Text("--account", "ADDRESS", "The debit or the credit account.");
        var prefix = Text("--prefix", "PREFIX", "What the debit or the credit account begins with, such as users:42:.");
        var side =
            new Option<string?>("--side") { Description = "On which side that account is: debit or credit.",
                HelpName = "SIDE" };
        side.AcceptOnlyFromAmong("debit", "credit");
        var reference = Text("--reference", "TEXT", "The reference.");
        var metadata = SharedOptions.Metadata();
        var code = Code();
        var asset = Asset();
        var from = Time("--from", "Committed or rejected at this time or later; UTC unless it says otherwise.");
        var to = Time("--to", "Committed or rejected before this time.");
        var least = Amount("--min-amount", "At least this amount, in minor units.");
        var most = Amount("--max-amount", "At most this amount, in minor units.");
        var status = new Option<TransferStatus[]>("--status")
        {
            Description = "A status, such as EXCEEDS_CREDITS; may be given again. [default: CREATED]",
            HelpName = "STATUS",
            CustomParser = result => [.. result.Tokens.Select(token => Status(token.Value, result))],
        };
        var holds =
            new Option<string?>("--holds") { Description = "Holds: live, posted, voided or expired.",
                HelpName = "STATE" };
        holds.AcceptOnlyFromAmong("live", "posted", "voided", "expired");
        var hold = Id("--hold", "Posts, voids and the expiry of this hold.");
        var reverses = Id("--reverses", "Corrections of this transfer.");
        var transaction = Id("--transaction", "The legs of this transaction.");
        var principal = Text("--principal", "NAME", "Who asked for it.");
        var id = Id("--id", "The transfer's id.");
        var newestFirst = new Option<bool>("--newest-first") { Description = "The newest first." };
        var (limit, all) = Limits();
        var command = new Command(
            "list",
            "Finds transfers by the ledger's index. At least one of id, transaction, hold, reverses, reference, "
            + "metadata, account, principal, prefix, code, holds live, a refused status, or --from and --to of up to "
            + "31 days must be given.")
        {
            account, prefix, side, reference, metadata, code, asset, from, to, least, most, status, holds, hold,
            reverses, transaction,
            principal, id, newestFirst, limit, all,
        };
        Exclude(command, limit, all);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var most1 = Most(parsed, limit, all);
            var query = new TransferQuery
            {
                Account = parsed.GetValue(account) ?? "",
                AccountPrefix = parsed.GetValue(prefix) ?? "",
                Direction = parsed.GetValue(side) switch
                {
                    "debit" => EntryDirection.Debit, "credit" => EntryDirection.Credit, _ => null,
                },
                References = parsed.GetValue(reference) is { } text ? [text] : [],
                Metadata = parsed.GetRequiredValue(metadata),
                Codes = parsed.GetResult(code) is null ? [] : [parsed.GetValue(code)],
                Asset = parsed.GetValue(asset) ?? "",
                StartTime = parsed.GetValue(from),
                EndTime = parsed.GetValue(to),
                MinAmount = parsed.GetValue(least),
                MaxAmount = parsed.GetValue(most),
                Statuses = parsed.GetValue(status) ?? [],
                HoldStates = parsed.GetValue(holds) is { } state
                ? [Enum.Parse<HoldState>(state, ignoreCase: true)]
                : [],
                HoldId = parsed.GetValue(hold),
                Reverses = parsed.GetValue(reverses),
                TransactionId = parsed.GetValue(transaction),
                Principal = parsed.GetValue(principal) ?? "",
                Ids = parsed.GetValue(id) is { } one ? [one] : [],
                NewestFirst = parsed.GetValue(newestFirst),
                PageSize = (int)Math.Min(most1, 500),
            };
            var found =
                await TakeAsync(client.SearchTransfersAsync(query, cancellationToken: cancellationToken), most1);
            WriteTransfers(context, options.Format(parsed), "transfers", found);
            return ExitCodes.Applied;
        });
        return command;
    }

    public static Command CreateAccounts(CliContext context, GlobalOptions options)
    {
        var prefix = Text("--prefix", "PREFIX", "What the address begins with, such as users:42:.");
        var reference = Text("--reference", "TEXT", "The reference.");
        var metadata = SharedOptions.Metadata();
        var code = Code();
        var asset = Asset();
        var state =
            new Option<string?>("--state") { Description = "What the account takes: open, frozen or closed.",
                HelpName = "STATE" };
        state.AcceptOnlyFromAmong("open", "frozen", "closed");
        var (limit, all) = Limits();
        var command = new Command(
            "list",
            "Finds accounts by the ledger's index, in the order of their addresses and without their balances; none "
                + "is woken.")
        {
            prefix, reference, metadata, code, asset, state, limit, all,
        };
        Exclude(command, limit, all);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var most = Most(parsed, limit, all);
            var query = new AccountSearchQuery
            {
                AddressPrefix = parsed.GetValue(prefix) ?? "",
                Reference = parsed.GetValue(reference) ?? "",
                Metadata = parsed.GetRequiredValue(metadata),
                Codes = parsed.GetResult(code) is null ? [] : [parsed.GetValue(code)],
                Asset = parsed.GetValue(asset) ?? "",
                Standings = parsed.GetValue(state) is { } standing
                ? [Enum.Parse<AccountStanding>(standing, ignoreCase: true)]
                : [],
                PageSize = (int)Math.Min(most, 500),
            };
            var found = await TakeAsync(client.SearchAccountsAsync(query, cancellationToken: cancellationToken), most);
            WriteAccounts(context, options.Format(parsed), found);
            return ExitCodes.Applied;
        });
        return command;
    }

    public static Command CreateHolds(CliContext context, GlobalOptions options)
    {
        var address = AccountsCommand.AddressArgument();
        var before = Time("--expire-before", "Only holds that expire before this time; UTC unless it says otherwise.");
        var (limit, all) = Limits();
        var list = new Command(
            "list", "Lists the live holds of an account, on either side of them, as the account itself has them.")
        {
            address, before, limit, all,
        };
        Exclude(list, limit, all);
        list.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var found = await TakeAsync(
                client.ListHoldsAsync(
                    parsed.GetRequiredValue(address), parsed.GetValue(before), cancellationToken: cancellationToken),
                Most(parsed, limit, all));
            WriteHolds(context, options.Format(parsed), found);
            return ExitCodes.Applied;
        });
        return new Command("holds", "Lists money that is reserved.") { list };
    }

    // ---------------------------------------------------------------- output

    private static void WriteTransfers(CliContext context, string format, string name, List<TransferRecord> found)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                Csv.WriteLine(
                    context.Out, "id", "create_time", "kind", "status", "debit_account", "credit_account", "amount",
                    "asset", "code",
                    "reference", "hold_state", "transaction_id", "principal");
                foreach (var record in found)
                {
                    var transfer = record.Transfer;
                    Csv.WriteLine(
                        context.Out, transfer.Id.ToString("D"), Names.Of(record.CreateTime), Names.Of(transfer.Kind),
                        Names.Of(record.Status), Csv.Text(transfer.DebitAccount), Csv.Text(transfer.CreditAccount),
                        AmountOf(record),
                        transfer.Asset, transfer.Code.ToString(), Csv.Text(transfer.Reference), StateOf(record),
                        record.TransactionId.ToString("D"), Csv.Text(record.Principal));
                }

                break;
            case GlobalOptions.Json:
                Json.Write(
                    context.Out, new JsonObject { [name] = Json.Array(found.Select(JsonNode (one) => Json.Of(one))) });
                break;
            default:
                Tables.Write(
                    context,
                    ["time", "debit", "credit", ">amount", "asset", "kind", "status", "hold", ">code", "id",
                        "reference"],
                    found.Select(static record => new[]
                    {
                        Names.Of(record.CreateTime), record.Transfer.DebitAccount, record.Transfer.CreditAccount,
                        AmountOf(record),
                        record.Transfer.Asset, record.Transfer.Kind == TransferKind.Direct ? ""
                            : Names.Of(record.Transfer.Kind),
                        record.Status == TransferStatus.Created ? "" : Names.Of(record.Status), StateOf(record),
                        record.Transfer.Code.ToString(), record.Transfer.Id.ToString("D"), record.Transfer.Reference,
                    }));
                break;
        }
    }

    private static void WriteAccounts(CliContext context, string format, List<AccountSummary> found)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                Csv.WriteLine(context.Out, "account", "asset", "code", "state", "opened", "reference");
                foreach (var account in found)
                {
                    Csv.WriteLine(
                        context.Out, Csv.Text(account.Spec.Address), account.Spec.Asset, account.Spec.Code.ToString(),
                        StateOf(account),
                        Names.Of(account.CreateTime), Csv.Text(account.Spec.Reference));
                }

                break;
            case GlobalOptions.Json:
                Json.Write(
                    context.Out,
                    new JsonObject { ["accounts"] = Json.Array(found.Select(JsonNode (one) => Json.Of(one))) });
                break;
            default:
                Tables.Write(
                    context,
                    ["account", "asset", ">code", "state", "opened", "reference"],
                    found.Select(static account => new[]
                    {
                        account.Spec.Address, account.Spec.Asset, account.Spec.Code.ToString(), StateOf(account),
                        Names.Of(account.CreateTime), account.Spec.Reference,
                    }));
                break;
        }
    }

    private static void WriteHolds(CliContext context, string format, List<TransferRecord> found)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                Csv.WriteLine(
                    context.Out, "id", "create_time", "debit_account", "credit_account", "amount", "remaining",
                    "expire_time", "code",
                    "reference");
                foreach (var record in found)
                {
                    Csv.WriteLine(
                        context.Out, record.Transfer.Id.ToString("D"), Names.Of(record.CreateTime),
                        Csv.Text(record.Transfer.DebitAccount), Csv.Text(record.Transfer.CreditAccount),
                        AmountOf(record),
                        RemainingOf(record), Names.Of(record.Hold?.ExpireTime), record.Transfer.Code.ToString(),
                        Csv.Text(record.Transfer.Reference));
                }

                break;
            case GlobalOptions.Json:
                Json.Write(
                    context.Out,
                    new JsonObject { ["holds"] = Json.Array(found.Select(JsonNode (one) => Json.Of(one))) });
                break;
            default:
                Tables.Write(
                    context,
                    ["made", "debit", "credit", ">amount", ">remaining", "expires", "id", "reference"],
                    found.Select(static record => new[]
                    {
                        Names.Of(record.CreateTime), record.Transfer.DebitAccount, record.Transfer.CreditAccount,
                        AmountOf(record),
                        RemainingOf(record), Names.Of(record.Hold?.ExpireTime), record.Transfer.Id.ToString("D"),
                        record.Transfer.Reference,
                    }));
                break;
        }
    }

    private static string AmountOf(TransferRecord record) => record.Amount?.ToString()
        ?? (record.Transfer.Amount == Transfer.Unbounded ? "" : record.Transfer.Amount.ToString());

    private static string RemainingOf(TransferRecord record) => record.Hold?.Remaining.ToString() ?? "";

    private static string StateOf(TransferRecord record) => record.Hold is { } hold ? Names.Of(hold.State) : "";

    private static string StateOf(AccountSummary account) =>
        Names.Of(
            account.IsClosed
            ? AccountStanding.Closed
            : account.Freeze is null ? AccountStanding.Open : AccountStanding.Frozen);

    // ---------------------------------------------------------------- options

    // All of it before anything is written: a failed call leaves no half document.
    private static async Task<List<T>> TakeAsync<T>(IAsyncEnumerable<T> items, ulong most)
    {
        var found = new List<T>();
        await foreach (var item in items)
        {
            found.Add(item);
            if ((ulong)found.Count == most)
            {
                break;
            }
        }

        return found;
    }

    private static (Option<ulong?> Limit, Option<bool> All) Limits() => (
        new Option<ulong?>("--limit")
        {
            Description = $"How many at most. [default: {DefaultLimit}]", HelpName = "N", CustomParser = Parse.Sequence,
        },
        new Option<bool>("--all") { Description = "All, however many." });

    private static ulong Most(ParseResult parsed, Option<ulong?> limit, Option<bool> all) =>
        parsed.GetValue(all) ? ulong.MaxValue : parsed.GetValue(limit) ?? DefaultLimit;

    private static void Exclude(Command command, Option<ulong?> limit, Option<bool> all) =>
        command.Validators.Add(result =>
    {
        if (result.GetValue(all) && result.GetResult(limit) is not null)
        {
            result.AddError("--limit and --all exclude each other.");
        }
    });

    private static TransferStatus Status(string text, System.CommandLine.Parsing.ArgumentResult result)
    {
        foreach (var status in Enum.GetValues<TransferStatus>())
        {
            if (status != default && string.Equals(Names.Of(status), text, StringComparison.OrdinalIgnoreCase))
            {
                return status;
            }
        }

        result.AddError($"'{text}' is no status of a transfer.");
        return default;
    }

    private static Option<string?> Text(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName };

    private static Option<uint> Code() =>
        new("--code") { Description = "The code.", HelpName = "N", CustomParser = Parse.Code };

    private static Option<string?> Asset() =>
        new("--asset") { Description = "The asset, such as USD/2.", HelpName = "ASSET", CustomParser = Parse.Asset };

    private static Option<Guid?> Id(string name, string description) =>
        new(name) { Description = description, HelpName = "ID", CustomParser = Parse.Id };

    private static Option<UInt128?> Amount(string name, string description) =>
        new(name) { Description = description, HelpName = "N", CustomParser = Parse.OptionalAmount };

    private static Option<DateTimeOffset?> Time(string name, string description) =>
        new(name) { Description = description, HelpName = "TIME", CustomParser = Parse.Time };
}
