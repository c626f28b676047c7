using System.CommandLine;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger transfers post|get</c>.</summary>
internal static class TransfersCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("transfers", "Moves money, and looks up what was moved.")
        {
            CreatePost(context, options),
            CreateGet(context, options),
        };

    private static Command CreatePost(CliContext context, GlobalOptions options)
    {
        var debit = Account("--debit", "The account that is debited.");
        var credit = Account("--credit", "The account that is credited.");
        var amount = new Option<UInt128>("--amount")
        {
            Description = "The amount in minor units, a whole number.",
            HelpName = "N",
            Required = true,
            CustomParser = Parse.Amount,
        };
        var asset = new Option<string?>("--asset")
        {
            Description = "The asset that both accounts are expected to hold. [default: that of the accounts]",
            HelpName = "ASSET",
            CustomParser = Parse.Asset,
        };
        var code = SharedOptions.Code("A number of your own that says what kind of transfer this is.");
        code.DefaultValueFactory = _ => 1;
        var id = new Option<Guid?>("--id")
        {
            Description = "The transfer's id, a UUID. Give the same id to send the same transfer again. "
                + "[default: a new UUID of version 7, told on stderr before it is sent]",
            HelpName = "UUID",
            CustomParser = Parse.Id,
        };
        var reference = SharedOptions.Reference();
        var metadata = SharedOptions.Metadata();
        var retryFor = SharedOptions.RetryFor(TimeSpan.Zero);
        var command = new Command("post", "Posts one transfer. Posting it again with the same id changes nothing.")
        {
            debit, credit, amount, asset, code, id, reference, metadata, retryFor,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var transfer = new Transfer
            {
                Id = parsed.GetValue(id) ?? context.Ids.New(),
                DebitAccount = parsed.GetRequiredValue(debit),
                CreditAccount = parsed.GetRequiredValue(credit),
                Amount = parsed.GetRequiredValue(amount),
                Asset = parsed.GetValue(asset) ?? "",
                Code = parsed.GetRequiredValue(code),
                Reference = parsed.GetValue(reference) ?? "",
                Metadata = parsed.GetRequiredValue(metadata),
            };
            if (parsed.GetValue(id) is null)
            {
                // Told before it is sent: whatever happens then, the same transfer can be sent again.
                await context.Error.WriteLineAsync($"id {transfer.Id:D}");
                await context.Error.FlushAsync(cancellationToken);
            }

            var request = new RequestOptions { RetryUnknownFor = parsed.GetRequiredValue(retryFor) };
            var outcome = await client.PostTransferAsync(transfer, request, cancellationToken);
            Write(context, options.Format(parsed), outcome);
            if (outcome.IsCommitted)
            {
                return ExitCodes.Applied;
            }

            await context.Error.WriteLineAsync($"error: rejected: {Names.Of(outcome.Status)}");
            return ExitCodes.Rejected;
        });
        return command;
    }

    private static Command CreateGet(CliContext context, GlobalOptions options)
    {
        var id = new Argument<Guid?>("ID") { Description = "The transfer's id, a UUID.", CustomParser = Parse.Id };
        var account = Account("--account", "The transfer's debit or credit account.");
        var command = new Command("get", "Looks a transfer up in the memory of one of its two accounts.") { id, account };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var record = await client.GetTransferAsync(
                parsed.GetRequiredValue(account), parsed.GetValue(id)!.Value, cancellationToken: cancellationToken);
            if (record is null)
            {
                await context.Error.WriteLineAsync(
                    $"error: not found: transfer {parsed.GetValue(id):D} on account {parsed.GetValue(account)}");
                return ExitCodes.Rejected;
            }

            Write(context, options.Format(parsed), record);
            return ExitCodes.Applied;
        });
        return command;
    }

    private static void Write(CliContext context, string format, TransferOutcome outcome)
    {
        if (format == GlobalOptions.Json)
        {
            Json.Write(context.Out, Json.Of(outcome));
            return;
        }

        Tables.WriteOne(
            context,
            ("transfer", outcome.Id.ToString("D")),
            ("status", Names.Of(outcome.Status)),
            ("committed", Names.Of(outcome.CreateTime)),
            ("decided by an earlier request", outcome.Replayed ? "yes" : ""),
            ("balance seen (debits less credits)", Seen(outcome.BalanceSeen)));
    }

    private static void Write(CliContext context, string format, TransferRecord record)
    {
        if (format == GlobalOptions.Json)
        {
            Json.Write(context.Out, Json.Of(record));
            return;
        }

        Tables.WriteOne(
            context,
            ("transfer", record.Transfer.Id.ToString("D")),
            ("status", Names.Of(record.Status)),
            ("decided", Names.Of(record.CreateTime)),
            ("debit", record.Transfer.DebitAccount),
            ("credit", record.Transfer.CreditAccount),
            ("amount", record.Transfer.Amount.ToString()),
            ("asset", record.Transfer.Asset),
            ("code", record.Transfer.Code.ToString()),
            ("reference", record.Transfer.Reference),
            ("metadata", Tables.Metadata(record.Transfer.Metadata)),
            ("balance seen (debits less credits)", Seen(record.BalanceSeen)));
    }

    private static string Seen(Balances? seen) => seen is { } balances
        ? ((System.Numerics.BigInteger)balances.DebitsPosted - balances.CreditsPosted).ToString()
        : "";

    private static Option<string> Account(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        Required = true,
        CustomParser = Parse.Address,
    };
}
