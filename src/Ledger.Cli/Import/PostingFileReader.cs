using System.Globalization;
using System.Numerics;
using Ledger.Cli.Output;

namespace Ledger.Cli.Import;

/// <summary>Reads a posting file and checks all of it, so that a file with a mistake changes nothing.</summary>
/// <remarks>Checked are: the header, quoting and number of fields of every line; the form of dates, addresses, assets
/// and amounts; that the lines of a transaction agree on date, description, code and attempt; that an account has one
/// asset; that a transaction balances to zero per asset.</remarks>
internal sealed class PostingFileReader
{
    private const string IsoDate = "yyyy-MM-dd";

    private static readonly string[] IsoForms =
    [
        IsoDate, "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.FFFFFF",
        "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFK",
    ];

    private readonly string name;
    private readonly PostingFormat format;
    private readonly List<ImportError> errors = [];
    private readonly Dictionary<string, Draft> drafts = new(StringComparer.Ordinal);
    private readonly List<Draft> ordered = [];
    private readonly Dictionary<string, (string Asset, long Line)> assets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> virtualAccounts = new(StringComparer.Ordinal);
    private int balancingCount;

    private PostingFileReader(string name, PostingFormat format)
    {
        this.name = name;
        this.format = format;
    }

    /// <summary>Reads and checks a file.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="errors">What is wrong, in the order of the file; empty for a valid one.</param>
    /// <param name="format">How it is read; null for <see cref="PostingFormat.Default"/>.</param>
    /// <returns>The file; null when anything is wrong with it.</returns>
    public static PostingFile? Read(
        string name, byte[] content, out IReadOnlyList<ImportError> errors, PostingFormat? format = null)
    {
        var reader = new PostingFileReader(name, format ?? PostingFormat.Default);
        reader.Read(content);
        var transactions = reader.ordered.Select(reader.End).ToList();
        errors = [.. reader.errors.OrderBy(error => error.Line)];
        return errors.Count > 0 ? null : new PostingFile(transactions)
        {
            VirtualAccounts = reader.virtualAccounts,
            BalancingCount = reader.balancingCount,
        };
    }

    private void Read(byte[] content)
    {
        var lines = CsvLines.Read(content, format.Separator, out var unreadable);
        if (unreadable is { } reason)
        {
            Wrong(reason.Line, reason.Message);
            return;
        }

        if (lines.Count == 0)
        {
            Wrong(1, "the file is empty; its first line must name its columns.");
            return;
        }

        if (lines[0].Wrong is { } broken)
        {
            Wrong(lines[0].Line, broken);
            return;
        }

        var columns = Columns.Of(lines[0].Fields, format, out var wrong);
        foreach (var message in wrong)
        {
            Wrong(lines[0].Line, message);
        }

        if (wrong.Count > 0)
        {
            return;
        }

        // Where a line is not understood, no sum of its file means anything.
        for (var place = 1; place < lines.Count; place++)
        {
            var line = lines[place];
            if (line.Wrong is { } malformed)
            {
                Wrong(line.Line, malformed);
            }
            else if (line.Fields.Count != columns.Count)
            {
                Wrong(line.Line, line.IsBlank
                    ? "the line is empty."
                    : $"{columns.Count} fields are needed, here are {line.Fields.Count}.");
            }
            else
            {
                ReadLine(columns, line, place);
                continue;
            }

            ordered.ForEach(static draft => draft.IsIncomplete = true);
        }
    }

    private void ReadLine(Columns columns, CsvLine line, int place)
    {
        var before = errors.Count;
        var draft = DraftOf(columns, line, place);
        var (assetColumn, amountText, commodity) = Parts(columns, line);
        var asset = format.Map.AssetOf(commodity);
        if (!Syntax.IsAsset(asset))
        {
            Wrong(line.Line, columns, assetColumn, $"'{asset}' is not an asset such as USD/2.");
        }

        if (columns.AreOfTransfers)
        {
            var debit = AccountOf(columns, line, Columns.Debit, asset);
            var credit = AccountOf(columns, line, Columns.Credit, asset);
            var amount = AmountOf(columns, line, amountText, asset);
            if (amount?.Sign < 0)
            {
                Wrong(line.Line, columns, Columns.Amount, "an amount between two accounts is not negative.");
            }

            if (errors.Count == before)
            {
                draft.Postings.Add(new Posting(line.Line, debit, asset, amount!.Value));
                draft.Postings.Add(new Posting(line.Line, credit, asset, -amount.Value));
            }
        }
        else
        {
            var account = AccountOf(columns, line, Columns.Account, asset);
            var amount = AmountOf(columns, line, amountText, asset);
            if (errors.Count == before)
            {
                draft.Postings.Add(new Posting(line.Line, account, asset, amount!.Value));
            }
        }

        draft.IsIncomplete |= errors.Count > before;
    }

    private Draft DraftOf(Columns columns, CsvLine line, int place)
    {
        foreach (var field in line.Fields.Where(
            static field => field.Any(c => char.IsControl(c) && c is not ('\n' or '\t'))))
        {
            Wrong(line.Line, $"'{field}' has a control character in it.");
        }

        var key = columns.Has(Columns.Key)
            ? columns.Of(line, Columns.Key)
            : place.ToString(CultureInfo.InvariantCulture);
        var facts = new Facts(
            columns.Of(line, Columns.Date),
            columns.Of(line, Columns.Description),
            columns.Of(line, Columns.Code),
            columns.Of(line, Columns.Attempt));
        if (!drafts.TryGetValue(key, out var draft))
        {
            draft = Begin(columns, line.Line, key, facts);
            drafts.Add(key, draft);
            ordered.Add(draft);
        }
        else if (columns.AreOfTransfers)
        {
            Wrong(line.Line, columns, Columns.Key, $"'{key}' is on line {draft.Line} already.");
        }
        else if (draft.Facts != facts)
        {
            Wrong(line.Line, $"transaction '{key}' has another {facts.Differing(draft.Facts)} on line {draft.Line}.");
        }

        return draft;
    }

    private Draft Begin(Columns columns, long line, string key, Facts facts)
    {
        if (key.Length is 0 or > Syntax.MetadataValueLengthMax || key.Contains('\n'))
        {
            Wrong(line, columns, Columns.Key,
                $"the key of a transaction must have 1 to {Syntax.MetadataValueLengthMax} characters, on one line.");
        }

        if (facts.Description.Length > Syntax.MetadataValueLengthMax)
        {
            Wrong(line, columns, Columns.Description, $"it has {facts.Description.Length} characters; "
                + $"at most {Syntax.MetadataValueLengthMax} can be kept.");
        }

        var time = TimeOf(columns, line, facts.Date);
        return new Draft(
            line, key, facts, time,
            NumberOf(columns, line, Columns.Code, format.Map.CodeOf(facts.Code), format.Code),
            NumberOf(columns, line, Columns.Attempt, facts.Attempt, format.Attempt));
    }

    private DateTimeOffset? TimeOf(Columns columns, long line, string text)
    {
        string[] forms = format.DateFormat is { } form ? [form] : IsoForms;
        if (DateTimeOffset.TryParseExact(
            text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time;
        }

        Wrong(line, columns, Columns.Date, format.DateFormat is null
            ? $"'{text}' is not a date such as 2025-01-31."
            : $"'{text}' is not a date of the form {format.DateFormat}.");
        return null;
    }

    private uint NumberOf(Columns columns, long line, string column, string text, uint fallback)
    {
        if (text.Length == 0)
        {
            return fallback;
        }

        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
        {
            return number;
        }

        Wrong(line, columns, column, $"'{text}' is not a whole number from 1 to {uint.MaxValue}.");
        return fallback;
    }

    private string AccountOf(Columns columns, CsvLine line, string column, string asset)
    {
        var written = columns.Of(line, column);
        var real = format.KeepVirtual ? written : VirtualPostings.AccountOf(written, asset);
        var account = format.Map.AccountOf(real, asset);
        if (!string.Equals(real, written, StringComparison.Ordinal))
        {
            virtualAccounts[written] = account;
        }

        if (!Syntax.IsAddress(account))
        {
            Wrong(line.Line, columns, column, $"'{account}' is not an account address such as users:42:wallet"
                + (string.Equals(account, real, StringComparison.Ordinal)
                    ? $"; a line 'account,{real},ADDRESS' of --map says where it is booked."
                    : $"; that is what --map makes of '{real}'."));
        }

        if (Syntax.IsAsset(asset))
        {
            CheckAsset(line.Line, columns.Name(column), account, asset);
        }

        return account;
    }

    private void CheckAsset(long line, string column, string account, string asset)
    {
        if (!assets.TryAdd(account, (asset, line))
            && !string.Equals(assets[account].Asset, asset, StringComparison.Ordinal))
        {
            Wrong(line, $"column '{column}': {account} holds {assets[account].Asset} on line {assets[account].Line}, "
                + $"and {asset} here; an account holds one asset, and {{asset}} in --map makes one for each.");
        }
    }

    // Where both stand in one column, the number comes first: 12.50 EUR.
    private static (string AssetColumn, string Amount, string Commodity) Parts(Columns columns, CsvLine line)
    {
        if (!columns.Has(Columns.AmountAndAsset))
        {
            return (Columns.Asset, columns.Of(line, Columns.Amount), columns.Of(line, Columns.Asset));
        }

        var text = columns.Of(line, Columns.AmountAndAsset);
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        return space < 0
            ? (Columns.AmountAndAsset, text, "")
            : (Columns.AmountAndAsset, text[..space], text[space..].TrimStart());
    }

    private BigInteger? AmountOf(Columns columns, CsvLine line, string text, string asset)
    {
        if (!Syntax.IsAsset(asset))
        {
            return null;
        }

        if (AmountText.Read(text, asset, format.DecimalMark, out var amount) is not { } wrong)
        {
            return amount;
        }

        Wrong(line.Line, columns, columns.Has(Columns.AmountAndAsset) ? Columns.AmountAndAsset : Columns.Amount, wrong);
        return null;
    }

    private PostingTransaction End(Draft draft)
    {
        if (!draft.IsIncomplete)
        {
            foreach (var asset in draft.Postings.GroupBy(posting => posting.Asset, StringComparer.Ordinal).ToList())
            {
                var sum = asset.Aggregate(BigInteger.Zero, (total, posting) => total + posting.Amount);
                if (!sum.IsZero)
                {
                    Balance(draft, asset.Key, sum);
                }
            }
        }

        return new PostingTransaction(draft.Key, DateText(draft.Time), draft.Facts.Description, draft.Postings)
        {
            Line = draft.Line,
            Time = draft.Time,
            Code = draft.Code,
            Attempt = draft.Attempt,
        };
    }

    private void Balance(Draft draft, string asset, BigInteger sum)
    {
        if (format.Map.BalancingOf(asset) is not { } account)
        {
            Wrong(draft.Line, $"transaction '{draft.Key}' does not balance: "
                + $"its {asset} postings add up to {sum} and not to 0.");
            return;
        }

        if (!Syntax.IsAddress(account))
        {
            Wrong(draft.Line, $"'{account}', from the balancing line for {asset} of --map, is not an account address.");
        }

        if (BigInteger.Abs(sum) > Syntax.AmountMax)
        {
            Wrong(
                draft.Line,
                $"the {asset} postings of transaction '{draft.Key}' add up to {sum}, more than an amount can be.");
        }

        CheckAsset(draft.Line, "to of --map", account, asset);
        draft.Postings.Add(new Posting(draft.Line, account, asset, -sum));
        balancingCount++;
    }

    private static string DateText(DateTimeOffset? time) => time switch
    {
        null => "",
        { } at when at.UtcDateTime.TimeOfDay == TimeSpan.Zero =>
            at.UtcDateTime.ToString(IsoDate, CultureInfo.InvariantCulture),
        { } at => Names.Of(at),
    };

    private void Wrong(long line, Columns columns, string column, string message) =>
        Wrong(line, $"column '{columns.Name(column)}': {message}");

    private void Wrong(long line, string message) => errors.Add(new ImportError(name, line, message));

    // What all lines of a transaction have in common, as it is written.
    private sealed record Facts(string Date, string Description, string Code, string Attempt)
    {
        public string Differing(Facts other) => Date != other.Date ? Columns.Date
            : Description != other.Description ? Columns.Description
            : Code != other.Code ? Columns.Code
            : Columns.Attempt;
    }

    private sealed record Draft(long Line, string Key, Facts Facts, DateTimeOffset? Time, uint Code, uint Attempt)
    {
        public List<Posting> Postings { get; } = [];

        /// <summary>Whether a line of it was not understood; its sum then means nothing.</summary>
        public bool IsIncomplete { get; set; }
    }
}
