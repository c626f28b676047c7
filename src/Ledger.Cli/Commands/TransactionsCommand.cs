using System.CommandLine;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger transactions post|get|post-holds|void-holds</c>.</summary>
internal static class TransactionsCommand
{
    private const string PostDescription =
        """
        Posts transactions: all transfers of each, or none of them.

        The file is JSON in the form of the API: {"id":"UUID","legs":[{"transfer":{...}},{"opening":{"spec":{...}}}]}, or
        several of these, such as one a line. They are posted in order; one that is rejected does not stop the next. A
        transaction without an id gets a new one, printed to stderr before it is sent. The whole file is read before anything
        is sent.
        """;

    public static Command Create(CliContext context, GlobalOptions options) =>
        new("transactions", "Posts several transfers that happen all or not at all, and looks them up.")
        {
            CreatePost(context, options),
            CreateGet(context, options),
            CreateResolve(context, options, post: true),
            CreateResolve(context, options, post: false),
        };

    /// <summary>Writes one outcome, and gives the exit code.</summary>
    public static async Task<int> WriteAsync(CliContext context, string format, TransactionResult outcome)
    {
        if (format == GlobalOptions.Json)
        {
            Json.Write(context.Out, Json.Of(outcome));
        }
        else
        {
            WriteTable(context, outcome);
        }

        return outcome.IsCommitted
            ? ExitCodes.Applied
            : await Rejection.TellAsync(context, Reason(outcome), outcome.Status, outcome.Replayed);
    }

    private static Command CreatePost(CliContext context, GlobalOptions options)
    {
        var file = new Argument<string>("FILE") { Description = "The JSON file; - is the standard input." };
        var retryFor = SharedOptions.RetryFor(TimeSpan.Zero);
        var command = new Command("post", PostDescription) { file, retryFor };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(file);
            var transactions = await ReadAsync(context, name, cancellationToken);
            if (transactions is null)
            {
                return ExitCodes.Usage;
            }

            var outcomes = new List<TransactionResult>();
            LedgerClientException? failure = null;
            try
            {
                foreach (var transaction in transactions)
                {
                    outcomes.Add(await client.PostTransactionAsync(
                        await WithIdAsync(context, transaction, cancellationToken),
                        SharedOptions.Request(parsed, retryFor), cancellationToken));
                }
            }
            catch (LedgerClientException e) when (transactions.Count > 1)
            {
                // What was decided before is told all the same.
                failure = e;
            }

            if (transactions.Count == 1)
            {
                return await WriteAsync(context, options.Format(parsed), outcomes[0]);
            }

            return await WriteAllAsync(context, options, parsed, transactions.Count, outcomes, failure);
        });
        return command;
    }

    private static Command CreateGet(CliContext context, GlobalOptions options)
    {
        var id = SharedOptions.IdArgument("ID", "The transaction's id, a UUID.");
        var account = CoordinatorOption();
        var command = new Command("get", "Looks a transaction up in the memory of its coordinator.") { id, account };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var record = await client.GetTransactionAsync(
                parsed.GetRequiredValue(account), parsed.GetValue(id)!.Value, cancellationToken: cancellationToken);
            if (record is null)
            {
                await context.Error.WriteLineAsync(
                    $"error: not found: transaction {parsed.GetValue(id):D} coordinated at account "
                        + $"{parsed.GetValue(account)}");
                return ExitCodes.Rejected;
            }

            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, Json.Of(record));
            }
            else
            {
                WriteTable(context, record.Result, record.Transaction);
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static Command CreateResolve(CliContext context, GlobalOptions options, bool post)
    {
        var original = SharedOptions.IdArgument("ID", "The id of the transaction that made the holds.");
        var account = CoordinatorOption();
        var effectiveTime = SharedOptions.EffectiveTime();
        var id = SharedOptions.Id("transaction");
        var retryFor = SharedOptions.RetryFor(TimeSpan.Zero);
        var command = post
            ? new Command("post-holds", "Posts all holds of a transaction, or none of them.")
            : new Command("void-holds", "Voids all holds of a transaction, or none of them.");
        command.Arguments.Add(original);
        command.Options.Add(account);
        command.Options.Add(effectiveTime);
        command.Options.Add(id);
        command.Options.Add(retryFor);
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var resolution = new TransactionResolution
            {
                Id = await SharedOptions.IdAsync(context, parsed, id, cancellationToken),
                Account = parsed.GetRequiredValue(account),
                TransactionId = parsed.GetValue(original)!.Value,
                Post = post,
                EffectiveTime = parsed.GetValue(effectiveTime),
            };
            var outcome = await client.ResolveTransactionAsync(
                resolution, SharedOptions.Request(parsed, retryFor), cancellationToken);
            return await WriteAsync(context, options.Format(parsed), outcome);
        });
        return command;
    }

    private static async Task<IReadOnlyList<Transaction>?> ReadAsync(
        CliContext context, string name, CancellationToken cancellationToken)
    {
        if (await InputFile.ReadAsync(context, name, cancellationToken) is not { } bytes)
        {
            return null;
        }

        var transactions = TransactionFile.Read(bytes, out var error);
        if (error is not { } wrong)
        {
            return transactions;
        }

        await context.Error.WriteLineAsync($"{name}:{wrong.Line}: {wrong.Message}");
        await context.Error.WriteLineAsync($"error: {name} is not valid; nothing was sent.");
        return null;
    }

    private static async Task<Transaction> WithIdAsync(
        CliContext context, Transaction transaction, CancellationToken cancellationToken)
    {
        if (transaction.Id != Guid.Empty)
        {
            return transaction;
        }

        var named = transaction with { Id = context.Ids.New() };
        await context.Error.WriteLineAsync($"id {named.Id:D}");
        await context.Error.FlushAsync(cancellationToken);
        return named;
    }

    private static async Task<int> WriteAllAsync(
        CliContext context, GlobalOptions options, ParseResult parsed, int count, List<TransactionResult> outcomes,
        LedgerClientException? failure)
    {
        if (options.Format(parsed) == GlobalOptions.Json)
        {
            Json.Write(
                context.Out,
                new System.Text.Json.Nodes.JsonObject { ["transactions"] = Json.Array(outcomes.Select(Json.Of)) });
        }
        else
        {
            Tables.Write(
                context, ["transaction", "status", ">failed leg", "committed"],
                outcomes.Select(static outcome => new[]
                {
                    outcome.Id.ToString("D"), Names.Of(outcome.Status), outcome.FailedLeg?.ToString() ?? "",
                    Names.Of(outcome.CreateTime),
                }));
        }

        var rejected = outcomes.Count(static outcome => outcome.IsRejected);
        if (rejected > 0)
        {
            await context.Error.WriteLineAsync($"error: rejected: {rejected} of {count} transactions.");
        }

        if (failure is null)
        {
            return rejected > 0 ? ExitCodes.Rejected : ExitCodes.Applied;
        }

        var code = await CommandRunner.ReportAsync(context, failure, options.Servers(parsed));
        var unsent = count - outcomes.Count - 1;
        if (unsent > 0)
        {
            await context.Error.WriteLineAsync($"{unsent} more were not sent.");
        }

        return code;
    }

    private static void WriteTable(CliContext context, TransactionResult outcome, Transaction? transaction = null)
    {
        Tables.WriteOne(
            context,
            ("transaction", outcome.Id.ToString("D")),
            ("status", Names.Of(outcome.Status)),
            ("failed leg", outcome.FailedLeg?.ToString() ?? ""),
            ("committed", Names.Of(outcome.CreateTime)),
            ("decided by an earlier request", outcome.Replayed ? "yes" : ""),
            ("balance seen (debits less credits)", TransfersCommand.Seen(outcome.BalanceSeen)));
        if (outcome.Legs.Count > 0)
        {
            Tables.Write(
                context,
                transaction is null
                    ? [">leg", "status", ">amount", "transfer"]
                    : [">leg", "status", ">amount", "transfer", "debit", "credit", "opens"],
                outcome.Legs.Select((leg, index) => Row(leg, index, transaction)));
        }
    }

    private static string[] Row(LegResult leg, int index, Transaction? transaction)
    {
        string[] row =
        [
            index.ToString(),
            leg.Opening == AccountStatus.Unspecified ? Names.Of(leg.Transfer) : Names.Of(leg.Opening),
            leg.Amount?.ToString() ?? "",
            leg.TransferId == Guid.Empty ? "" : leg.TransferId.ToString("D"),
        ];
        if (transaction is null)
        {
            return row;
        }

        var asked = index < transaction.Legs.Count ? transaction.Legs[index] : null;
        return
        [
            .. row, asked?.Transfer?.DebitAccount ?? "", asked?.Transfer?.CreditAccount ?? "",
            asked?.Opening?.Address ?? "",
        ];
    }

    private static string Reason(TransactionResult outcome)
    {
        if (outcome.FailedLeg is not { } failed)
        {
            return Names.Of(outcome.Status);
        }

        // Of an opening the status of the transaction says only that a leg failed.
        var leg = failed < outcome.Legs.Count ? outcome.Legs[failed] : null;
        var reason = leg is { Opening: not AccountStatus.Unspecified }
            ? Names.Of(leg.Opening)
            : Names.Of(outcome.Status);
        return $"{reason} (leg {failed})";
    }

    private static Option<string> CoordinatorOption() => SharedOptions.Account(
        "--account", "The transaction's coordinator: the debit account of its first transfer.");
}
