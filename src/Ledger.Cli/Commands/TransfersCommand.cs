using System.CommandLine;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger transfers post|hold|post-hold|void|extend-hold|reverse|get</c>.</summary>
internal static class TransfersCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("transfers", "Moves money, holds it, and looks up what was moved.")
        {
            CreatePost(context, options),
            CreateHold(context, options),
            CreatePostHold(context, options),
            CreateVoid(context, options),
            CreateExtendHold(context, options),
            CreateReverse(context, options),
            CreateGet(context, options),
            ListCommands.CreateTransfers(context, options),
        };

    private static Command CreatePost(CliContext context, GlobalOptions options)
    {
        var transfer = new TransferOptions();
        var balancingDebit = new Option<bool>("--balancing-debit")
        {
            Description = "Move at most what the debit account has available.",
        };
        var balancingCredit = new Option<bool>("--balancing-credit")
        {
            Description = "Move at most what the credit account lacks.",
        };
        var command = transfer.AddTo(
            new Command("post", "Posts one transfer. Posting it again with the same id changes nothing."),
            balancingDebit, balancingCredit);
        command.Options.Add(balancingDebit);
        command.Options.Add(balancingCredit);
        return WithPosting(context, options, command, transfer.Id, (parsed, id) => transfer.Read(parsed, id) with
        {
            BalancingDebit = parsed.GetValue(balancingDebit),
            BalancingCredit = parsed.GetValue(balancingCredit),
        });
    }

    private static Command CreateHold(CliContext context, GlobalOptions options)
    {
        var transfer = new TransferOptions();
        var expiresIn = new Option<TimeSpan>("--expires-in")
        {
            Description = "How long the hold lives, such as 15m, 24h or 7d. [default: until it is posted or voided]",
            HelpName = "TIME",
            CustomParser = Parse.LongDuration,
        };
        var closingDebit = new Option<bool>("--closing-debit") { Description = "Close the debit account with it." };
        var closingCredit = new Option<bool>("--closing-credit") { Description = "Close the credit account with it." };
        var command = transfer.AddTo(new Command(
            "hold",
            "Reserves money, to be posted or voided later. Holding it again with the same id changes nothing."));
        command.Options.Add(expiresIn);
        command.Options.Add(closingDebit);
        command.Options.Add(closingCredit);
        return WithPosting(context, options, command, transfer.Id, (parsed, id) => transfer.Read(parsed, id) with
        {
            Kind = TransferKind.Hold,
            Timeout = parsed.GetValue(expiresIn),
            ClosingDebit = parsed.GetValue(closingDebit),
            ClosingCredit = parsed.GetValue(closingCredit),
        });
    }

    private static Command CreatePostHold(CliContext context, GlobalOptions options)
    {
        var hold = HoldArgument();
        var amount = OptionalAmount("How much of it to post, in minor units. [default: all that is left]");
        var keepRest = new Option<bool>("--keep-rest")
        {
            Description = "Keep on hold what is not posted, to be posted in further parts. [default: it is released]",
        };
        var id = SharedOptions.Id("post");
        var effectiveTime = SharedOptions.EffectiveTime();
        var command = new Command("post-hold", "Posts a hold, wholly or in part.")
        {
            hold, amount, keepRest, id, effectiveTime,
        };
        return WithPosting(context, options, command, id, (parsed, newId) => Transfer.PostHold(
            newId, parsed.GetValue(hold)!.Value, parsed.GetValue(amount), parsed.GetValue(keepRest)) with
        {
            EffectiveTime = parsed.GetValue(effectiveTime),
        });
    }

    private static Command CreateVoid(CliContext context, GlobalOptions options)
    {
        var hold = HoldArgument();
        var id = SharedOptions.Id("void");
        var command = new Command("void", "Voids a hold: the money that it reserves is free again.") { hold, id };
        return WithPosting(
            context, options, command, id,
            (parsed, newId) => Transfer.VoidHold(newId, parsed.GetValue(hold)!.Value));
    }

    private static Command CreateExtendHold(CliContext context, GlobalOptions options)
    {
        var hold = HoldArgument();
        var until = new Option<DateTimeOffset?>("--until")
        {
            Description = "When the hold is to expire, later or earlier than before. A time without an offset is UTC.",
            HelpName = "TIME",
            Required = true,
            CustomParser = Parse.Time,
        };
        var account = SharedOptions.Account("--account", "The hold's debit account, if it is known.", required: false);
        var retryFor = SharedOptions.RetryUnsentFor();
        var command = new Command("extend-hold", "Sets the time at which a hold expires.")
        {
            hold, until, account, retryFor,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var extension = await client.ExtendHoldAsync(
                parsed.GetValue(hold)!.Value, parsed.GetValue(until)!.Value, parsed.GetValue(account) ?? "",
                SharedOptions.Request(parsed, retryFor), cancellationToken);
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, Json.Of(extension));
            }
            else
            {
                Tables.WriteOne(
                    context,
                    ("hold", extension.HoldId.ToString("D")),
                    ("status", Names.Of(extension.Status)),
                    ("expires", Names.Of(extension.ExpireTime)));
            }

            return await EndAsync(context, extension.IsApplied, extension.Status, replayed: false);
        });
        return command;
    }

    private static Command CreateReverse(CliContext context, GlobalOptions options)
    {
        var original = SharedOptions.IdArgument("ID", "The id of the transfer, or of the transaction, to take back.");
        var reason = SharedOptions.Reason("Why.", required: true);
        var amount = OptionalAmount(
            "For a single transfer: how much of it to take back, in minor units. [default: all that is left]");
        var account = SharedOptions.Account(
            "--account", "The debit account of the original, or of its first transfer, if it is known.",
            required: false);
        var code = SharedOptions.Code("The code of the correction. [default: that of the original]");
        var reference = SharedOptions.Reference();
        var effectiveTime = SharedOptions.EffectiveTime();
        var id = SharedOptions.Id("correction");
        var retryFor = SharedOptions.RetryFor(TimeSpan.Zero);
        var command = new Command(
            "reverse", "Takes back a transfer or a transaction by the opposite one, which is linked to it.")
        {
            original, reason, amount, account, code, reference, effectiveTime, id, retryFor,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var reversal = new Reversal
            {
                Id = await SharedOptions.IdAsync(context, parsed, id, cancellationToken),
                OriginalId = parsed.GetValue(original)!.Value,
                Reason = parsed.GetRequiredValue(reason),
                Amount = parsed.GetValue(amount),
                Account = parsed.GetValue(account) ?? "",
                Code = parsed.GetValue(code),
                Reference = parsed.GetValue(reference) ?? "",
                EffectiveTime = parsed.GetValue(effectiveTime),
            };
            var outcome = await client.ReverseTransactionAsync(
                reversal, SharedOptions.Request(parsed, retryFor), cancellationToken);
            return await TransactionsCommand.WriteAsync(context, options.Format(parsed), outcome);
        });
        return command;
    }

    private static Command CreateGet(CliContext context, GlobalOptions options)
    {
        var id = SharedOptions.IdArgument("ID", "The transfer's id, a UUID.");
        var account = SharedOptions.Account(
            "--account",
            "The transfer's debit or credit account. Without it the ledger's index finds it, or, without one, what "
                + "the node remembers.",
            required: false);
        var command =
            new Command("get", "Looks a transfer up in the memory of one of its two accounts.") { id, account };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var address = parsed.GetValue(account) ?? "";
            var record = await client.GetTransferAsync(
                address, parsed.GetValue(id)!.Value, cancellationToken: cancellationToken);
            if (record is null)
            {
                await context.Error.WriteLineAsync(address.Length == 0
                    ? $"error: not found: transfer {parsed.GetValue(id):D}; with --account older ones are found"
                    : $"error: not found: transfer {parsed.GetValue(id):D} on account {address}");
                return ExitCodes.Rejected;
            }

            Write(context, options.Format(parsed), record);
            return ExitCodes.Applied;
        });
        return command;
    }

    /// <summary>Ends a command that posts one transfer.</summary>
    private static Command WithPosting(
        CliContext context, GlobalOptions options, Command command, Option<Guid?> id,
        Func<ParseResult, Guid, Transfer> read)
    {
        var retryFor = SharedOptions.RetryFor(TimeSpan.Zero);
        command.Options.Add(retryFor);
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var transfer = read(parsed, await SharedOptions.IdAsync(context, parsed, id, cancellationToken));
            var outcome = await client.PostTransferAsync(
                transfer, SharedOptions.Request(parsed, retryFor), cancellationToken);
            Write(context, options.Format(parsed), outcome);
            return await EndAsync(context, outcome.IsCommitted, outcome.Status, outcome.Replayed);
        });
        return command;
    }

    private static async Task<int> EndAsync(CliContext context, bool isApplied, TransferStatus status, bool replayed) =>
        isApplied ? ExitCodes.Applied : await Rejection.TellAsync(context, Names.Of(status), status, replayed);

    private static void Write(CliContext context, string format, TransferResult outcome)
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
            ("amount", outcome.Amount?.ToString() ?? ""),
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

        var transfer = record.Transfer;
        Tables.WriteOne(
            context,
            ("transfer", transfer.Id.ToString("D")),
            ("status", Names.Of(record.Status)),
            ("decided", Names.Of(record.CreateTime)),
            ("kind", transfer.Kind == TransferKind.Direct ? "" : Names.Of(transfer.Kind)),
            ("debit", transfer.DebitAccount),
            ("credit", transfer.CreditAccount),
            ("amount", (record.Amount ?? transfer.Amount).ToString()),
            ("asset", transfer.Asset),
            ("code", transfer.Code.ToString()),
            ("reference", transfer.Reference),
            ("effective", Names.Of(transfer.EffectiveTime)),
            ("metadata", Tables.Metadata(transfer.Metadata)),
            ("of hold", Id(transfer.HoldId)),
            ("takes back", Id(transfer.Reverses)),
            ("reason", transfer.Reason),
            ("asked for by", record.Principal),
            ("transaction", record.TransactionId == transfer.Id ? "" : Id(record.TransactionId)),
            ("hold", record.Hold is { } hold ? Names.Of(hold.State) : ""),
            ("left on hold", record.Hold is { State: HoldState.Live } live ? live.Remaining.ToString() : ""),
            ("expires", Names.Of(record.Hold?.ExpireTime)),
            ("balance seen (debits less credits)", Seen(record.BalanceSeen)));
    }

    public static string Seen(Balances? seen) => seen is { } balances
        ? ((System.Numerics.BigInteger)balances.DebitsPosted - balances.CreditsPosted).ToString()
        : "";

    private static string Id(Guid id) => id == Guid.Empty ? "" : id.ToString("D");

    private static Argument<Guid?> HoldArgument() => SharedOptions.IdArgument("HOLD", "The hold's id, a UUID.");

    private static Option<UInt128?> OptionalAmount(string description) => new("--amount")
    {
        Description = description,
        HelpName = "N",
        CustomParser = Parse.OptionalAmount,
    };

    /// <summary>What a transfer and a hold have in common.</summary>
    private sealed class TransferOptions
    {
        private readonly Option<string> debit = SharedOptions.Account("--debit", "The account that is debited.");
        private readonly Option<string> credit = SharedOptions.Account("--credit", "The account that is credited.");
        // What a balancing transfer moves is told by its result.
        private readonly Option<UInt128?> amount = OptionalAmount(
            "The amount in minor units, a whole number. A balancing transfer may leave it out.");

        private readonly Option<string?> asset = new("--asset")
        {
            Description = "The asset that both accounts are expected to hold. [default: that of the accounts]",
            HelpName = "ASSET",
            CustomParser = Parse.Asset,
        };

        private readonly Option<uint> code =
            SharedOptions.Code("A number of your own that says what kind of transfer this is.");

        private readonly Option<string?> reference = SharedOptions.Reference();
        private readonly Option<IReadOnlyDictionary<string, string>> metadata = SharedOptions.Metadata();
        private readonly Option<DateTimeOffset?> effectiveTime = SharedOptions.EffectiveTime();
        private readonly Option<bool> openAccounts = new("--open-accounts")
        {
            Description = "Open the accounts that do not exist yet, with the --asset, which must be given.",
        };

        public Option<Guid?> Id { get; } = SharedOptions.Id("transfer");

        /// <summary>Adds the options to a command.</summary>
        /// <param name="command">The command.</param>
        /// <param name="balancing">Those of which one makes an amount superfluous.</param>
        public Command AddTo(Command command, params Option<bool>[] balancing)
        {
            code.DefaultValueFactory = _ => 1;
            Option[] all = [debit, credit, amount, asset, code, Id, reference, metadata, effectiveTime, openAccounts];
            foreach (var option in all)
            {
                command.Options.Add(option);
            }

            command.Validators.Add(result =>
            {
                if (result.GetValue(openAccounts) && result.GetResult(asset) is null)
                {
                    result.AddError("--open-accounts needs an --asset to open them with.");
                }

                if (result.GetResult(amount) is null && !balancing.Any(result.GetValue))
                {
                    result.AddError("Option '--amount' is required.");
                }
            });
            return command;
        }

        public Transfer Read(ParseResult parsed, Guid id) => new()
        {
            Id = id,
            DebitAccount = parsed.GetRequiredValue(debit),
            CreditAccount = parsed.GetRequiredValue(credit),
            Amount = parsed.GetValue(amount) ?? Transfer.Unbounded,
            Asset = parsed.GetValue(asset) ?? "",
            Code = parsed.GetRequiredValue(code),
            Reference = parsed.GetValue(reference) ?? "",
            Metadata = parsed.GetRequiredValue(metadata),
            EffectiveTime = parsed.GetValue(effectiveTime),
            OpenAccounts = parsed.GetValue(openAccounts),
        };
    }
}
