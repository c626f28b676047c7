using System.CommandLine;
using System.Text.Json.Nodes;
using Ledger.Cli.Output;
using Ledger.Client;

namespace Ledger.Cli.Commands;

/// <summary><c>ledger accounts statement</c>.</summary>
internal static class StatementCommand
{
    private const int DefaultLimit = 100;

    private static readonly string[] CsvColumns =
    [
        "sequence", "book_time", "direction", "amount", "balance", "counterparty", "transfer", "code", "reference",
        "asset",
    ];

    public static Command Create(CliContext context, GlobalOptions options)
    {
        var address = AccountsCommand.AddressArgument();
        var newestFirst = new Option<bool>("--newest-first") { Description = "The newest entry first." };
        var limit = new Option<ulong?>("--limit")
        {
            Description = $"How many entries at most. [default: {DefaultLimit}]",
            HelpName = "N",
            CustomParser = Parse.Sequence,
        };
        var all = new Option<bool>("--all") { Description = "All entries, however many." };
        var from = Number("--from-sequence", "The first entry's number to include.");
        var to = Number("--to-sequence", "The last entry's number to include.");
        var start = Time("--from", "Entries booked at this time or later; UTC unless it says otherwise.");
        var end = Time("--to", "Entries booked before this time.");
        var command = new Command("statement", "Lists the posted entries of an account, with running balances.")
        {
            address, newestFirst, limit, all, from, to, start, end,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(all) && result.GetResult(limit) is not null)
            {
                result.AddError("--limit and --all exclude each other.");
            }
        });
        command.SetLedgerAction(context, options, writes: false, async (client, parsed, cancellationToken) =>
        {
            var most = parsed.GetValue(all) ? ulong.MaxValue : parsed.GetValue(limit) ?? DefaultLimit;
            DateTimeOffset? completeUpTo = null;
            var query = new StatementQuery
            {
                NewestFirst = parsed.GetValue(newestFirst),
                MinSequence = parsed.GetValue(from),
                MaxSequence = parsed.GetValue(to),
                StartTime = parsed.GetValue(start),
                EndTime = parsed.GetValue(end),
                PageSize = (int)Math.Min(most, 500),
                OnInDoubt = time => completeUpTo = completeUpTo < time ? completeUpTo : time,
            };
            var entries = Limited(
                client.ListStatementAsync(
                    parsed.GetRequiredValue(address), query, cancellationToken: cancellationToken),
                most);
            await WriteAsync(
                context, options.Format(parsed), parsed.GetRequiredValue(address), entries, () => completeUpTo);
            if (completeUpTo is { } time)
            {
                await context.Error.WriteLineAsync(
                    $"warning: transactions are in doubt: the statement is complete up to {Names.Of(time)}, and what "
                    + "was prepared later may be missing");
            }

            return ExitCodes.Applied;
        });
        return command;
    }

    private static async Task WriteAsync(
        CliContext context, string format, string address, IAsyncEnumerable<StatementEntry> entries,
        Func<DateTimeOffset?> completeUpTo)
    {
        switch (format)
        {
            case GlobalOptions.Csv:
                var began = false;
                await foreach (var entry in entries)
                {
                    // Nothing is written before the first page came: a failed call leaves no half document.
                    if (!began)
                    {
                        Csv.WriteLine(context.Out, CsvColumns);
                        began = true;
                    }

                    Csv.WriteLine(context.Out, CsvFields(Cells(entry)));
                }

                if (!began)
                {
                    Csv.WriteLine(context.Out, CsvColumns);
                }

                break;
            case GlobalOptions.Json:
                var items = new List<JsonNode>();
                await foreach (var entry in entries)
                {
                    items.Add(Json.Of(entry));
                }

                var json = new JsonObject { ["address"] = address, ["entries"] = Json.Array(items) };
                if (completeUpTo() is { } time)
                {
                    json["completeUpTo"] = Names.Of(time);
                }

                Json.Write(context.Out, json);
                break;
            default:
                var rows = new List<string[]>();
                await foreach (var entry in entries)
                {
                    // Text of others comes last: how wide a terminal makes it is not known for all of Unicode.
                    var cells = Cells(entry);
                    rows.Add([.. cells[..^2], cells[^1], cells[^2]]);
                }

                Tables.Write(
                    context,
                    [
                        ">seq", "booked", "side", ">amount", ">balance", "counterparty", "transfer", ">code", "asset",
                        "reference",
                    ],
                    rows);
                break;
        }
    }

    private static string[] Cells(StatementEntry entry) =>
    [
        entry.Sequence.ToString(),
        Names.Of(entry.BookTime),
        entry.Direction == EntryDirection.Debit ? "debit" : "credit",
        entry.Transfer.Amount.ToString(),
        entry.Balance.ToString(),
        entry.Direction == EntryDirection.Debit ? entry.Transfer.CreditAccount : entry.Transfer.DebitAccount,
        entry.Transfer.Id.ToString("D"),
        entry.Transfer.Code.ToString(),
        entry.Transfer.Reference,
        entry.Asset,
    ];

    // The counterparty and the reference are texts of others; the rest are numbers and names of the ledger.
    private static string[] CsvFields(string[] cells)
    {
        cells[5] = Csv.Text(cells[5]);
        cells[8] = Csv.Text(cells[8]);
        return cells;
    }

    private static async IAsyncEnumerable<StatementEntry> Limited(IAsyncEnumerable<StatementEntry> entries, ulong most)
    {
        var count = 0UL;
        await foreach (var entry in entries)
        {
            yield return entry;
            if (++count == most)
            {
                yield break;
            }
        }
    }

    private static Option<ulong?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = Parse.Sequence,
    };

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = Parse.Time,
    };
}
