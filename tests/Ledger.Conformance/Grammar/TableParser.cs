namespace Ledger.Conformance.Grammar;

/// <summary>Reads tables.</summary>
internal static class TableParser
{
    private static readonly Dictionary<string, Operation> Operations = new(StringComparer.Ordinal)
    {
        ["create_accounts"] = Operation.CreateAccounts,
        ["create_transfers"] = Operation.CreateTransfers,
        ["lookup_accounts"] = Operation.LookupAccounts,
        ["lookup_transfers"] = Operation.LookupTransfers,
        ["get_account_transfers"] = Operation.GetAccountTransfers,
        ["get_account_balances"] = Operation.GetAccountBalances,
        ["query_accounts"] = Operation.QueryAccounts,
        ["query_transfers"] = Operation.QueryTransfers,
        ["get_change_events"] = Operation.GetChangeEvents,
    };

    /// <summary>The operations that the read side answers; their rows have their names.</summary>
    private static readonly Operation[] Queries =
    [
        Operation.GetAccountTransfers, Operation.GetAccountBalances, Operation.QueryAccounts, Operation.QueryTransfers,
        Operation.GetChangeEvents,
    ];

    /// <summary>Reads a table.</summary>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="text">Its text.</param>
    /// <exception cref="TableException">It does not follow the grammar.</exception>
    public static Table Parse(string name, string text)
    {
        var steps = new List<Step>();
        var collected = new List<Row>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            var comment = line.IndexOf("//", StringComparison.Ordinal);
            var words = (comment < 0 ? line : line[..comment]).Split(
                (char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            try
            {
                ReadLine(number, words, steps, collected);
            }
            catch (RowException e)
            {
                throw new TableException(name, number, e.Message);
            }
        }

        return collected.Count == 0
            ? new Table(name, Sections.Split(steps))
            : throw new TableException(name, collected[0].Line, "No 'commit' follows this row.");
    }

    private static void ReadLine(int line, string[] words, List<Step> steps, List<Row> collected)
    {
        var keyword = words[0];
        var text = string.Join(' ', words);
        var cells = new Cells(keyword, words[1..]);
        switch (keyword)
        {
            case "setup":
                cells.RequireCount(5);
                steps.Add(new SetupStep(line, text, cells.Number("account"), cells.Counters()));
                break;
            case "tick":
                cells.RequireCount(2);
                steps.Add(Tick(line, text, cells));
                break;
            case "commit":
                cells.RequireCount(1);
                steps.Add(Commit(line, text, cells.Word("operation"), collected));
                collected.Clear();
                break;
            case "account":
                cells.RequireCount(20);
                collected.Add(Account(line, text, cells));
                break;
            case "transfer":
                cells.RequireCount(23);
                collected.Add(Transfer(line, text, cells));
                break;
            case "lookup_account":
                cells.RequireCount(2, 6);
                collected.Add(LookupAccount(line, text, cells));
                break;
            case "lookup_transfer":
                cells.RequireCount(3);
                collected.Add(LookupTransfer(line, text, cells));
                break;
            default:
                collected.Add(Query(line, text, keyword));
                break;
        }
    }

    private static CommitStep Commit(int line, string text, string name, List<Row> collected)
    {
        if (!Operations.TryGetValue(name, out var operation))
        {
            throw new RowException($"'{name}' is no operation; known are {string.Join(", ", Operations.Keys)}.");
        }

        return collected.Find(row => row.Operation != operation) is { } stranger
            ? throw new RowException($"The row at line {stranger.Line} is none that '{text}' sends.")
            : new CommitStep(line, text, operation, [.. collected]);
    }

    private static TickStep Tick(int line, string text, Cells cells)
    {
        // A signed number, unlike all others: only the unit says how far from the end of time -N is.
        var word = cells.Word("count");
        var fromEnd = word.StartsWith('-');
        if (!ulong.TryParse(
            word.AsSpan(fromEnd ? 1 : 0), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out var count))
        {
            throw new RowException($"The column 'count' of 'tick' is '{word}', which is no number.");
        }

        var unit = cells.Word("unit") switch
        {
            "seconds" => 1_000_000_000UL,
            "nanoseconds" => 1UL,
            var other =>
                throw new RowException($"'{other}' is no unit of 'tick'; it must be 'seconds' or 'nanoseconds'."),
        };
        return new TickStep(line, text, fromEnd, (UInt128)count * unit);
    }

    private static AccountRow Account(int line, string text, Cells cells)
    {
        // Cells are read in the order of the columns, which an initializer keeps.
        var row = new AccountRow(line, text)
        {
            Id = cells.Number("id"),
            Counters = cells.Counters(),
            UserData128 = cells.Number("user_data_128"),
            UserData64 = cells.Number64("user_data_64"),
            UserData32 = cells.Number32("user_data_32"),
        };
        _ = cells.Number32("reserved");
        row = row with
        {
            Ledger = cells.Number32("ledger"),
            Code = cells.Number16("code"),
            Linked = cells.Flag("LNK"),
            DebitsMustNotExceedCredits = cells.Flag("D<C"),
            CreditsMustNotExceedDebits = cells.Flag("C<D"),
            History = cells.Flag("HIST"),
            Imported = cells.Flag("IMP"),
            Closed = cells.Flag("CLSD"),
        };
        _ = cells.Number("padding");
        return row with { Timestamp = cells.Number64("timestamp"), Status = cells.Status() };
    }

    private static TransferRow Transfer(int line, string text, Cells cells)
    {
        var row = new TransferRow(line, text)
        {
            Id = cells.Number("id"),
            DebitAccount = cells.Number("debit_account"),
            CreditAccount = cells.Number("credit_account"),
            Amount = cells.Number("amount"),
            PendingId = cells.Number("pending_id"),
            UserData128 = cells.Number("user_data_128"),
            UserData64 = cells.Number64("user_data_64"),
            UserData32 = cells.Number32("user_data_32"),
            TimeoutSeconds = cells.Number32("timeout"),
            Ledger = cells.Number32("ledger"),
            Code = cells.Number16("code"),
            Linked = cells.Flag("LNK"),
            Pending = cells.Flag("PEN"),
            PostPending = cells.Flag("POS"),
            VoidPending = cells.Flag("VOI"),
            BalancingDebit = cells.Flag("BDR"),
            BalancingCredit = cells.Flag("BCR"),
            Imported = cells.Flag("IMP"),
            ClosingDebit = cells.Flag("CDR"),
            ClosingCredit = cells.Flag("CCR"),
        };
        _ = cells.Number("padding");
        return row with { Timestamp = cells.Number64("timestamp"), Status = cells.Status() };
    }

    private static LookupAccountRow LookupAccount(int line, string text, Cells cells)
    {
        var id = cells.Number("id");
        if (cells.Left > 1)
        {
            return new LookupAccountRow(line, text, id, cells.Counters(), cells.Flag("CLSD"));
        }

        var word = cells.Word("result");
        return word == "_"
            ? new LookupAccountRow(line, text, id, null, false)
            : throw new RowException($"'lookup_account' expects counters or '_', and not '{word}'.");
    }

    private static LookupTransferRow LookupTransfer(int line, string text, Cells cells)
    {
        var id = cells.Number("id");
        var aspect = cells.Word("aspect");
        return aspect switch
        {
            "exists" => new LookupTransferRow(line, text, id, TransferAspect.Exists, cells.Word("exists") switch
            {
                "true" => UInt128.One,
                "false" => UInt128.Zero,
                var other => throw new RowException($"'exists' is 'true' or 'false', and not '{other}'."),
            }),
            "amount" => new LookupTransferRow(line, text, id, TransferAspect.Amount, cells.Number("amount")),
            "timestamp" => new LookupTransferRow(line, text, id, TransferAspect.Timestamp, cells.Number64("timestamp")),
            _ =>
                throw new RowException(
                    $"'lookup_transfer' tells 'exists', 'amount' or 'timestamp', and not '{aspect}'."),
        };
    }

    private static QueryRow Query(int line, string text, string keyword)
    {
        const string Suffix = "_result";
        var isResult = keyword.EndsWith(Suffix, StringComparison.Ordinal);
        var name = isResult ? keyword[..^Suffix.Length] : keyword;
        return Operations.TryGetValue(name, out var operation) && Queries.Contains(operation)
            ? new QueryRow(line, text, operation, isResult)
            : throw new RowException($"No row begins with '{keyword}'.");
    }
}
