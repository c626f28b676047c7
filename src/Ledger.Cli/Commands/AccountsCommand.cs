using System.CommandLine;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger accounts open|get|list|statement|freeze|unfreeze|close|reopen|set-limits</c>.</summary>
internal static class AccountsCommand
{
    public static Command Create(CliContext context, GlobalOptions options) =>
        new("accounts", "Opens accounts, reads and changes them.")
        {
            CreateOpen(context, options),
            CreateGet(context, options),
            ListCommands.CreateAccounts(context, options),
            StatementCommand.Create(context, options),
            AccountChangeCommands.CreateFreeze(context, options),
            AccountChangeCommands.CreateUnfreeze(context, options),
            AccountChangeCommands.CreateClose(context, options),
            AccountChangeCommands.CreateReopen(context, options),
            AccountChangeCommands.CreateSetLimits(context, options),
        };

    public static Argument<string> AddressArgument() => new("ADDRESS")
    {
        Description = "The account's address, such as users:42:wallet.",
        CustomParser = Parse.Address,
    };

    private static Command CreateOpen(CliContext context, GlobalOptions options)
    {
        var address = AddressArgument();
        var asset = new Option<string>("--asset")
        {
            Description = "The asset that the account holds: a code and its decimal places, such as USD/2.",
            HelpName = "ASSET",
            Required = true,
            CustomParser = Parse.Asset,
        };
        var code = SharedOptions.Code("A number of your own that says what kind of account this is.");
        code.Required = true;
        var reference = SharedOptions.Reference();
        var metadata = SharedOptions.Metadata();
        var debitLimit = DebitLimit();
        var creditLimit = CreditLimit();
        var closed =
            new Option<bool>("--closed") { Description = "Open it closed: it takes no transfer until it is reopened." };
        var command = new Command("open", "Opens an account. Opening it again with the same content changes nothing.")
        {
            address, asset, code, reference, metadata, debitLimit, creditLimit, closed,
        };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: true, async (client, parsed, cancellationToken) =>
        {
            var spec = new AccountSpec
            {
                Address = parsed.GetRequiredValue(address),
                Asset = parsed.GetRequiredValue(asset),
                Code = parsed.GetRequiredValue(code),
                Reference = parsed.GetValue(reference) ?? "",
                Metadata = parsed.GetRequiredValue(metadata),
                DebitsMustNotExceedCredits = Given(parsed, debitLimit),
                CreditsMustNotExceedDebits = Given(parsed, creditLimit),
                IsClosed = parsed.GetValue(closed),
            };
            var outcome = (await client.OpenAccountsAsync([spec], cancellationToken: cancellationToken))[0];
            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, Json.Of(outcome));
            }
            else
            {
                Tables.WriteOne(
                    context,
                    ("account", outcome.Address),
                    ("status", Names.Of(outcome.Status)),
                    ("opened", Names.Of(outcome.CreateTime)));
            }

            if (outcome.IsOpen)
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
        var address = AddressArgument();
        var command = new Command("get", "Reads an account with its balances.") { address };
        options.RefuseCsv(command);
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var account = await client.GetAccountAsync(
                parsed.GetRequiredValue(address), new RequestOptions { AllowInDoubt = true }, cancellationToken);
            if (account is null)
            {
                await context.Error.WriteLineAsync($"error: not found: account {parsed.GetRequiredValue(address)}");
                return ExitCodes.Rejected;
            }

            if (options.Format(parsed) == GlobalOptions.Json)
            {
                Json.Write(context.Out, Json.Of(account));
            }
            else
            {
                WriteTable(context, account);
            }

            if (account.Doubt is { } doubt)
            {
                await context.Error.WriteLineAsync($"warning: {Doubts.Summary(doubt)}");
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    public static void WriteTable(CliContext context, Account account, string status = "") => Tables.WriteOne(
        context,
        ("status", status),
        ("account", account.Spec.Address),
        ("asset", account.Spec.Asset),
        ("code", account.Spec.Code.ToString()),
        ("reference", account.Spec.Reference),
        ("metadata", Tables.Metadata(account.Spec.Metadata)),
        ("debits must not exceed credits by more than", account.Spec.DebitsMustNotExceedCredits?.Allowance.ToString()
            ?? ""),
        ("credits must not exceed debits by more than", account.Spec.CreditsMustNotExceedDebits?.Allowance.ToString()
            ?? ""),
        ("opened", Names.Of(account.CreateTime)),
        ("closed", !account.IsClosed ? "" : account.ClosedReason.Length == 0 ? "yes" : $"yes: {account.ClosedReason}"),
        ("frozen", Freeze(account.Freeze)),
        ("balances", account.Doubt is null ? "" : "NOT FINAL: " + Doubts.Summary(account.Doubt)),
        ("balance (debits less credits)", account.Doubt is null ? account.Balance.ToString() : ""),
        ("available to debit" + AtLeast(account), account.AvailableDebits?.ToString() ?? ""),
        ("available to credit" + AtLeast(account), account.AvailableCredits?.ToString() ?? ""),
        ("debits posted", Counter(account, static balances => balances.DebitsPosted)),
        ("credits posted", Counter(account, static balances => balances.CreditsPosted)),
        ("debits pending", Counter(account, static balances => balances.DebitsPending)),
        ("credits pending", Counter(account, static balances => balances.CreditsPending)),
        ("debits in doubt", account.Balances.DebitsInDoubt.ToString()),
        ("credits in doubt", account.Balances.CreditsInDoubt.ToString()),
        ("holds", account.HoldCount.ToString()),
        ("entries", account.EntryCount.ToString()),
        ("version", account.Version.ToString()));

    private static string AtLeast(Account account) => account.Doubt is null ? "" : ", at least";

    private static string Counter(Account account, Func<Balances, UInt128> of) =>
        account.Doubt is not { } doubt || of(doubt.Least) == of(doubt.Greatest)
            ? of(account.Balances).ToString()
            : $"{of(doubt.Least)} to {of(doubt.Greatest)}, decided {of(account.Balances)}";

    public static Option<UInt128?> DebitLimit() => Limit(
        "--debits-must-not-exceed-credits", "Refuse debits beyond the credits, plus an allowance in minor units.");

    public static Option<UInt128?> CreditLimit() => Limit(
        "--credits-must-not-exceed-debits", "Refuse credits beyond the debits, plus an allowance in minor units.");

    private static string Freeze(AccountFreeze? freeze)
    {
        if (freeze is null)
        {
            return "";
        }

        var what = (freeze.Debits, freeze.Credits) switch
        {
            (true, true) => "debits and credits",
            (true, false) => "debits",
            _ => "credits",
        };
        var until = freeze.EndTime is { } end ? $" until {Names.Of(end)}" : "";
        return freeze.Reason.Length == 0 ? what + until : $"{what}{until}: {freeze.Reason}";
    }

    private static Option<UInt128?> Limit(string name, string description) => new(name)
    {
        Description = description + " [default allowance: 0]",
        HelpName = "ALLOWANCE",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = Parse.Allowance,
    };

    // A limit that is not on the command line is none; one without an allowance is one with 0.
    public static AccountLimit? Given(ParseResult parsed, Option<UInt128?> limit) =>
        parsed.GetResult(limit) is null ? null : new AccountLimit(parsed.GetValue(limit) ?? UInt128.Zero);
}
