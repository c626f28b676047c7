using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Ledger.Cli.Import;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger import</c>.</summary>
internal sealed class ImportCommand
{
    private const string Description =
        """
        Imports books from a CSV file, in UTF-8.

        Its header names the columns: transaction,date,description,account,asset,amount, a line for each posting; or
        date,description,debit,credit,asset,amount, a line for each transfer. Two more may stand there: code and attempt.
        amount-and-asset, such as 12.50 EUR, stands for the last two.
        An amount is in minor units, or with --decimal in units; on a posting it is positive for a debit and negative for a
        credit, and each transaction balances to zero per asset. The whole file is checked before anything is sent.

        Each transaction is posted as a whole, on each account in the order of the file, and counts on its date. It is known
        by --namespace and its key, whatever else it says. So the same file again books nothing, a file that has grown brings
        in what is new, and a line that was edited is rejected as imported before with another amount, account, date or
        description; to change what is booked, reverse it. What the ledger rejected is tried again by a new --attempt.

        A balanced virtual posting, [account] or _account_, is booked on the account itself, as ledger and hledger count it.

        Exit codes: 0 when all is booked, now or before; 2 when the file is not valid, and nothing was sent; 3 when something
        was rejected; 4 when it was interrupted or something is unknown, and the same import again is safe; 5 when no node
        can be reached.
        """;

    private readonly CliContext context;
    private readonly GlobalOptions options;
    private readonly Argument<string> file = new("FILE") { Description = "The CSV file; - for the standard input." };
    private readonly Option<uint> code = SharedOptions.Code("The code of transfers for which the file has none.");
    private readonly Option<uint> accountCode = new("--account-code")
    {
        Description = "The code of the accounts that are opened.",
        HelpName = "N",
        CustomParser = Parse.Code,
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string?> importNamespace = new("--namespace")
    {
        Description = "Keeps the keys of these books apart from those of others. Give the same one every time the same "
            + "books are imported. [default: the name of the file, without its directory]",
        HelpName = "TEXT",
        CustomParser = Namespace,
    };

    private readonly Option<string?> key = new("--key")
    {
        Description =
            "The column of the key. [default: transaction; without one, the place of the line, where each line is a "
            + "transfer]",
        HelpName = "COLUMN",
    };

    private readonly Option<uint> attempt = new("--attempt")
    {
        Description =
            "A higher number tries again what was rejected. What an earlier attempt has booked is not booked again.",
        HelpName = "N",
        CustomParser = Parse.Code,
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string?> map = new("--map")
    {
        Description =
            "A CSV file with the header kind,from,to that says what the file's columns, accounts, assets and codes "
            + "are called here.",
        HelpName = "FILE",
    };

    private readonly Option<char> separator = new("--separator")
    {
        Description = "What stands between two fields: one character, or tab.",
        HelpName = "CHAR",
        CustomParser = Separator,
        DefaultValueFactory = _ => ',',
    };

    private readonly Option<char?> decimalMark = new("--decimal")
    {
        Description =
            "Amounts are in units, such as 12.50, with this mark before the decimals: . or , [default: whole numbers "
            + "of minor units]",
        HelpName = "CHAR",
        CustomParser = DecimalMark,
    };

    private readonly Option<string?> dateFormat = new("--date-format")
    {
        Description = "The form of dates, such as dd.MM.yyyy. A time without an offset is UTC. [default: ISO 8601]",
        HelpName = "FORM",
        CustomParser = DateFormat,
    };

    private readonly Option<LengthOfTime> retryFor = SharedOptions.RetryFor(TimeSpan.FromSeconds(60));
    private readonly Option<bool> keepVirtual = new("--keep-virtual")
    {
        Description = "Take accounts such as _food_ as they are written, and not as virtual postings on food.",
    };

    private ImportCommand(CliContext context, GlobalOptions options)
    {
        this.context = context;
        this.options = options;
        code.DefaultValueFactory = _ => 1;
    }

    public static Command Create(CliContext context, GlobalOptions options)
    {
        var import = new ImportCommand(context, options);
        var command = new Command("import", Description)
        {
            import.file, import.importNamespace, import.key, import.attempt, import.map, import.separator,
            import.decimalMark, import.dateFormat, import.code, import.accountCode, import.retryFor, import.keepVirtual,
        };
        options.RefuseCsv(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(import.file) == InputFile.StandardInput
                && result.GetValue(import.importNamespace) is null)
            {
                result.AddError("The standard input has no name: --namespace is needed.");
            }
        });
        command.SetLedgerAction(context, options, writes: true, import.RunAsync);
        return command;
    }

    private static string? Namespace(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (text.Length is 0 or > Syntax.MetadataValueLengthMax || text.Any(char.IsControl))
        {
            result.AddError(
                $"--namespace must have 1 to {Syntax.MetadataValueLengthMax} characters, and no control characters.");
        }

        return text;
    }

    private static char Separator(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (text == "tab")
        {
            return '\t';
        }

        if (text.Length != 1 || !char.IsAscii(text[0]) || char.IsAsciiLetterOrDigit(text[0])
            || text[0] is '"' or '-' or ' '
            || (char.IsControl(text[0]) && text[0] != '\t'))
        {
            result.AddError($"--separator: '{text}' is not a separator such as ; or tab.");
            return ',';
        }

        return text[0];
    }

    private static char? DecimalMark(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (text is not ("." or ","))
        {
            result.AddError($"--decimal: '{text}' is neither . nor ,");
            return null;
        }

        return text[0];
    }

    // A form without a year or with the day left out would put every line on a date of its own choosing.
    private static string? DateFormat(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        var sample = new DateTimeOffset(2023, 12, 31, 0, 0, 0, TimeSpan.Zero);
        try
        {
            var written = sample.ToString(text, CultureInfo.InvariantCulture);
            if (DateTimeOffset.TryParseExact(
                written, text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var read)
                && read == sample)
            {
                return text;
            }
        }
        catch (FormatException)
        {
            // Told below.
        }

        result.AddError(
            $"--date-format: '{text}' is not the form of a date with its year, month and day, such as dd.MM.yyyy.");
        return null;
    }

    private async Task<int> RunAsync(LedgerClient client, ParseResult parsed, CancellationToken cancellationToken)
    {
        var name = parsed.GetRequiredValue(file);
        var content = await ReadAsync(parsed, name, cancellationToken);
        if (content is null)
        {
            return ExitCodes.Usage;
        }

        var plan = ImportPlan.Of(
            content,
            parsed.GetValue(importNamespace) ?? Path.GetFileName(name),
            parsed.GetRequiredValue(accountCode));
        if (!await CheckSizesAsync(name, plan))
        {
            return ExitCodes.Usage;
        }

        await NoteAsync(name, content, plan);
        var runner = new ImportRunner(context, client, name, parsed.GetRequiredValue(retryFor).Value);
        try
        {
            return await RunAsync(client, parsed, plan, runner, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // While accounts were opened: no transaction was sent.
            return await EndInterruptedAsync(parsed, runner);
        }
    }

    private async Task<PostingFile?> ReadAsync(ParseResult parsed, string name, CancellationToken cancellationToken)
    {
        if (await InputFile.ReadAsync(context, name, cancellationToken) is not { } bytes)
        {
            return null;
        }

        var names = NameMap.Empty;
        var mapName = parsed.GetValue(map);
        if (mapName is not null)
        {
            if (await InputFile.ReadAsync(context, mapName, cancellationToken) is not { } mapBytes)
            {
                return null;
            }

            var read = NameMap.Read(mapName, mapBytes, out var mapErrors);
            if (read is null)
            {
                await TellAsync(mapName, mapErrors);
                return null;
            }

            names = read;
        }

        var content = PostingFileReader.Read(name, bytes, out var errors, new PostingFormat
        {
            Separator = parsed.GetRequiredValue(separator),
            DecimalMark = parsed.GetValue(decimalMark),
            DateFormat = parsed.GetValue(dateFormat),
            KeyColumn = parsed.GetValue(key),
            Attempt = parsed.GetRequiredValue(attempt),
            Code = parsed.GetRequiredValue(code),
            KeepVirtual = parsed.GetValue(keepVirtual),
            Map = names,
        });
        foreach (var (line, kind, from) in names.Unused)
        {
            await context.Error.WriteLineAsync(
                Printable.Of($"{mapName}:{line}: note: no {kind} in {name} is '{from}'."));
        }

        if (content is null)
        {
            await TellAsync(name, errors);
        }

        return content;
    }

    private async Task TellAsync(string name, IReadOnlyList<ImportError> errors)
    {
        foreach (var error in errors)
        {
            await context.Error.WriteLineAsync(error.ToString());
        }

        await context.Error.WriteLineAsync(
            $"error: {name} is not valid: {errors.Count} error{(errors.Count == 1 ? "" : "s")}; nothing was sent.");
    }

    private async Task NoteAsync(string name, PostingFile content, ImportPlan plan)
    {
        foreach (var (written, account) in content.VirtualAccounts)
        {
            await context.Error.WriteLineAsync(
                Printable.Of($"{name}: note: {written} is written as a virtual posting and is booked on {account}."));
        }

        if (content.BalancingCount > 0)
        {
            await context.Error.WriteLineAsync(
                $"{name}: note: {content.BalancingCount} posting{(content.BalancingCount == 1 ? "" : "s")} were added "
                + "by the balancing lines of --map.");
        }

        foreach (var netted in plan.Netted)
        {
            await context.Error.WriteLineAsync(
                $"{name}:{netted.Line}: note: {netted.Amount} on {netted.Account} is debited and credited in the same "
                + "transaction and cancels out.");
        }
    }

    private async Task<bool> CheckSizesAsync(string name, ImportPlan plan)
    {
        // One leg is the entry in the register.
        const int transfersMax = LedgerClient.BatchMax - 1;
        var tooLarge = plan.Transactions.Where(static t => t.Transfers.Count > transfersMax).ToList();
        foreach (var transaction in tooLarge)
        {
            await context.Error.WriteLineAsync(
                $"{name}:{transaction.Line}: transaction '{transaction.Key}' needs "
                + $"{transaction.Transfers.Count} transfers; at most {transfersMax} can happen at once.");
        }

        if (tooLarge.Count > 0)
        {
            await context.Error.WriteLineAsync($"error: {name} can't be imported; nothing was sent.");
        }

        return tooLarge.Count == 0;
    }

    private async Task<int> RunAsync(
        LedgerClient client, ParseResult parsed, ImportPlan plan, ImportRunner runner,
        CancellationToken cancellationToken)
    {
        // A wrong address should be told at once, and not after all the patience that is meant for a restart.
        await CheckReachableAsync(client, plan.Register.Rows, cancellationToken);
        bool allOpen;
        try
        {
            allOpen = await runner.OpenAccountsAsync(plan, cancellationToken);
        }
        catch (LedgerClientException failure) when (!cancellationToken.IsCancellationRequested)
        {
            var exitCode = await CommandRunner.ReportAsync(context, failure, options.Servers(parsed));
            await context.Error.WriteLineAsync("No transaction was sent; running the same import again is safe.");
            return exitCode;
        }
        catch (LedgerClientException)
        {
            return await EndInterruptedAsync(parsed, runner);
        }

        if (!allOpen)
        {
            runner.Summary.Write(context, options.Format(parsed));
            await context.Error.WriteLineAsync(
                "error: rejected: not all accounts could be opened; no transaction was sent.");
            return ExitCodes.Rejected;
        }

        await runner.PostTransactionsAsync(plan, cancellationToken);
        return await EndAsync(parsed, plan, runner, cancellationToken);
    }

    private async Task<int> EndAsync(
        ParseResult parsed, ImportPlan plan, ImportRunner runner, CancellationToken cancellationToken)
    {
        var summary = runner.Summary;
        if (cancellationToken.IsCancellationRequested && summary.TransactionsUnknown + summary.TransactionsNotSent > 0)
        {
            return await EndInterruptedAsync(parsed, runner);
        }

        summary.Write(context, options.Format(parsed));
        if (runner.GaveUp is { } cause)
        {
            await context.Error.WriteLineAsync(
                $"error: the outcome of {summary.TransactionsUnknown} transactions is unknown, "
                + $"{summary.TransactionsNotSent} were not sent ({LedgerCli.OneLine(cause.Message)}); "
                + "running the same import again is safe.");
            return summary.TransactionsUnknown > 0
                ? ExitCodes.Unknown
                : CommandRunner.Explain(cause, options.Servers(parsed)).ExitCode;
        }

        if (summary.TransactionsRejected > 0)
        {
            await context.Error.WriteLineAsync(
                $"error: rejected: {summary.TransactionsRejected} of {plan.Transactions.Count} transactions.");
            return ExitCodes.Rejected;
        }

        if (summary.TransactionsCreated == 0)
        {
            await context.Error.WriteLineAsync("Nothing was booked: all of it was imported before.");
        }

        return ExitCodes.Applied;
    }

    private async Task<int> EndInterruptedAsync(ParseResult parsed, ImportRunner runner)
    {
        runner.Summary.Write(context, options.Format(parsed));
        await context.Error.WriteLineAsync(
            $"error: interrupted; the outcome of {runner.Summary.TransactionsUnknown} transactions is unknown, "
            + $"{runner.Summary.TransactionsNotSent} were not sent; running the same import again is safe.");
        return ExitCodes.Unknown;
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
