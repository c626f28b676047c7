using System.CommandLine;
using Ledger.Cli.Import;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger import</c>.</summary>
internal static class ImportCommand
{
    private const string Description =
        """
        Imports books from a CSV file of postings.

        The header is transaction,date,description,account,asset,amount. An amount is in minor units, positive for a debit
        and negative for a credit; each transaction balances to zero per asset. The whole file is checked before anything
        is sent. A balanced virtual posting, [account] or _account_, is booked on the account itself, as ledger and hledger
        count it. Each transaction is posted as a whole: all of it or nothing. Importing the same file again changes
        nothing; a file that has grown brings in what is new.
        """;

    public static Command Create(CliContext context, GlobalOptions options)
    {
        var file = new Argument<string>("FILE") { Description = "The CSV file." };
        var code = SharedOptions.Code("The code of the transfers.");
        code.DefaultValueFactory = _ => 1;
        var accountCode = new Option<uint>("--account-code")
        {
            Description = "The code of the accounts that are opened.",
            HelpName = "N",
            CustomParser = Parse.Code,
            DefaultValueFactory = _ => 1,
        };
        var importNamespace = new Option<string>("--namespace")
        {
            Description = "Keeps the transfers of this import apart from others with the same transactions. Give the same "
                + "one every time the same books are imported.",
            HelpName = "TEXT",
            DefaultValueFactory = _ => "import",
        };
        var retryFor = SharedOptions.RetryFor(TimeSpan.FromSeconds(60));
        var keepVirtual = new Option<bool>("--keep-virtual")
        {
            Description = "Take accounts such as _food_ as they are written, and not as virtual postings on food.",
        };
        var command = new Command("import", Description)
        {
            file, code, accountCode, importNamespace, retryFor, keepVirtual,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(file);
            var content = await ReadAsync(context, name, parsed.GetValue(keepVirtual), cancellationToken);
            if (content is null)
            {
                return ExitCodes.Usage;
            }

            var plan = ImportPlan.Of(
                content,
                parsed.GetRequiredValue(importNamespace),
                parsed.GetRequiredValue(code),
                parsed.GetRequiredValue(accountCode));
            if (!await CheckSizesAsync(context, name, plan))
            {
                return ExitCodes.Usage;
            }

            foreach (var (written, account) in content.VirtualAccounts)
            {
                await context.Error.WriteLineAsync(
                    $"{name}: note: {written} is written as a virtual posting and is booked on {account}.");
            }

            foreach (var netted in plan.Netted)
            {
                await context.Error.WriteLineAsync(
                    $"{name}:{netted.Line}: note: {netted.Amount} on {netted.Account} is debited and credited in the same "
                    + "transaction and cancels out.");
            }

            var runner = new ImportRunner(context, client, name, parsed.GetRequiredValue(retryFor).Value);
            return await RunAsync(context, client, options, parsed, plan, runner, cancellationToken);
        });
        return command;
    }

    private static async Task<PostingFile?> ReadAsync(
        CliContext context, string name, bool keepVirtual, CancellationToken cancellationToken)
    {
        byte[] bytes;
        try
        {
            bytes = await File.ReadAllBytesAsync(name, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            await context.Error.WriteLineAsync($"error: {LedgerCli.OneLine(failure.Message)}");
            return null;
        }

        var file = PostingFileReader.Read(name, bytes, out var errors, keepVirtual);
        foreach (var error in errors)
        {
            await context.Error.WriteLineAsync(LedgerCli.OneLine(error.ToString()));
        }

        if (file is null)
        {
            await context.Error.WriteLineAsync(
                $"error: {name} is not valid: {errors.Count} error{(errors.Count == 1 ? "" : "s")}; nothing was sent.");
        }

        return file;
    }

    private static async Task<bool> CheckSizesAsync(CliContext context, string name, ImportPlan plan)
    {
        var tooLarge = plan.Transactions.Where(static t => t.Transfers.Count > LedgerClient.BatchMax).ToList();
        foreach (var transaction in tooLarge)
        {
            await context.Error.WriteLineAsync(
                $"{name}:{transaction.Transfers[0].Line}: transaction '{transaction.Key}' needs "
                + $"{transaction.Transfers.Count} transfers; at most {LedgerClient.BatchMax} can happen at once.");
        }

        if (tooLarge.Count > 0)
        {
            await context.Error.WriteLineAsync($"error: {name} can't be imported; nothing was sent.");
        }

        return tooLarge.Count == 0;
    }

    private static async Task<int> RunAsync(
        CliContext context,
        LedgerClient client,
        GlobalOptions options,
        ParseResult parsed,
        ImportPlan plan,
        ImportRunner runner,
        CancellationToken cancellationToken)
    {
        if (plan.Accounts.Count > 0)
        {
            // A wrong address should be told at once, and not after all the patience that is meant for a restart.
            await CheckReachableAsync(client, plan.Accounts[0].Spec.Address, cancellationToken);
        }

        bool allOpen;
        try
        {
            allOpen = await runner.OpenAccountsAsync(plan, cancellationToken);
        }
        catch (LedgerClientException failure)
        {
            var code = await CommandRunner.ReportAsync(context, failure, options.Servers(parsed));
            await context.Error.WriteLineAsync("No transaction was sent; running the same import again is safe.");
            return code;
        }

        if (!allOpen)
        {
            runner.Summary.Write(context, options.Format(parsed));
            await context.Error.WriteLineAsync("error: rejected: not all accounts could be opened; no transaction was sent.");
            return ExitCodes.Rejected;
        }

        await runner.PostTransactionsAsync(plan, cancellationToken);
        runner.Summary.Write(context, options.Format(parsed));
        if (runner.GaveUp is { } cause)
        {
            await context.Error.WriteLineAsync(
                $"error: the outcome of {runner.Summary.TransactionsUnknown} transactions is unknown "
                + $"({LedgerCli.OneLine(cause.Message)}); running the same import again is safe.");
            return ExitCodes.Unknown;
        }

        if (runner.Summary.TransactionsRejected > 0)
        {
            await context.Error.WriteLineAsync(
                $"error: rejected: {runner.Summary.TransactionsRejected} of {plan.Transactions.Count} transactions.");
            return ExitCodes.Rejected;
        }

        return ExitCodes.Applied;
    }

    private static async Task CheckReachableAsync(
        LedgerClient client, string address, CancellationToken cancellationToken)
    {
        try
        {
            await client.GetAccountAsync(address, cancellationToken: cancellationToken);
        }
        catch (LedgerClientException failure) when (!failure.Unreachable)
        {
            // It is there; whatever ails it, the import meets it with its own patience.
        }
    }
}
