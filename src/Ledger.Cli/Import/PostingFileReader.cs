using System.Globalization;
using System.Numerics;
using System.Text;
using CsvHelper;

namespace Ledger.Cli.Import;

/// <summary>Reads a posting file and checks all of it, so that a file with a mistake changes nothing.</summary>
/// <remarks>
/// The form is CSV by RFC 4180, in UTF-8, with the header
/// <c>transaction,date,description,account,asset,amount</c>. Checked are: the header, quoting and number of fields of
/// every line; the form of dates, addresses, assets and amounts; that the lines of a transaction follow each other and
/// agree on date and description; that an account has one asset; that a transaction balances to zero per asset.
/// </remarks>
internal sealed class PostingFileReader
{
    private static readonly string[] Header = ["transaction", "date", "description", "account", "asset", "amount"];

    private readonly string name;
    private readonly List<ImportError> errors = [];
    private readonly List<PostingTransaction> transactions = [];
    private readonly Dictionary<string, long> keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Asset, long Line)> assets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> virtualAccounts = new(StringComparer.Ordinal);
    private List<Posting> postings = [];

    // Whether a line of the open transaction was not understood; its balance then means nothing.
    private bool isIncomplete;

    private readonly bool keepVirtual;

    private PostingFileReader(string name, bool keepVirtual)
    {
        this.name = name;
        this.keepVirtual = keepVirtual;
    }

    /// <summary>Reads and checks a file.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="errors">What is wrong, in the order of the file; empty for a valid one.</param>
    /// <param name="keepVirtual">Whether accounts written as virtual postings are taken as they are written.</param>
    /// <returns>The file; null when anything is wrong with it.</returns>
    public static PostingFile? Read(
        string name, byte[] content, out IReadOnlyList<ImportError> errors, bool keepVirtual = false)
    {
        var reader = new PostingFileReader(name, keepVirtual);
        reader.Read(content);
        errors = [.. reader.errors.OrderBy(error => error.Line)];
        return errors.Count == 0 ? new PostingFile(reader.transactions) { VirtualAccounts = reader.virtualAccounts } : null;
    }

    private void Read(byte[] content)
    {
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(content);
        }
        catch (DecoderFallbackException failure)
        {
            var line = 1 + content.AsSpan(0, Math.Clamp(failure.Index, 0, content.Length)).Count((byte)'\n');
            Wrong(line, "the file is not UTF-8.");
            return;
        }

        var malformed = new Dictionary<long, CsvMalformedReason>();
        using var csv = CsvReader.FromText(text, new CsvReaderOptions
        {
            Separator = ',',
            HasHeader = false,
            SkipEmptyLines = false,
            AllowLineBreaksInQuotes = true,
            TrackLineNumbers = true,
            MalformedData = CsvMalformedDataHandling.Recover,
            FieldCountMismatch = CsvFieldCountHandling.Allow,
            OnMalformedRecord = record => malformed.TryAdd(record.RecordNumber, record.Reason),
        });
        var transaction = default(PostingTransaction);
        if (!csv.Read())
        {
            Wrong(1, $"the file is empty; its first line must be {string.Join(',', Header)}");
            return;
        }

        if (!Fields(csv).SequenceEqual(Header, StringComparer.Ordinal) || malformed.ContainsKey(csv.RowNumber))
        {
            Wrong(csv.LineNumber, $"the header must be {string.Join(',', Header)}");
            return;
        }

        while (csv.Read())
        {
            if (malformed.TryGetValue(csv.RowNumber, out var reason))
            {
                Wrong(csv.LineNumber, Explain(reason));
                isIncomplete = true;
            }
            else if (csv.FieldCount != Header.Length)
            {
                Wrong(csv.LineNumber, csv.FieldCount == 1 && csv.GetString(0).Length == 0
                    ? "the line is empty."
                    : $"{Header.Length} fields are needed, here are {csv.FieldCount}.");
                isIncomplete = true;
            }
            else
            {
                transaction = ReadLine(transaction, csv.LineNumber, Fields(csv));
            }
        }

        End(transaction);
    }

    private PostingTransaction? ReadLine(PostingTransaction? transaction, long line, string[] fields)
    {
        var (key, date, description) = (fields[0], fields[1], fields[2]);
        if (transaction is null || !string.Equals(transaction.Key, key, StringComparison.Ordinal))
        {
            End(transaction);
            transaction = Begin(line, key, date, description);
        }
        else if (!string.Equals(transaction.Date, date, StringComparison.Ordinal)
            || !string.Equals(transaction.Description, description, StringComparison.Ordinal))
        {
            Wrong(line, $"transaction '{key}' has another date or description on line {keys[key]}.");
        }

        if (ReadPosting(line, fields[3], fields[4], fields[5]) is { } posting)
        {
            postings.Add(posting);
        }
        else
        {
            isIncomplete = true;
        }

        return transaction;
    }

    private PostingTransaction Begin(long line, string key, string date, string description)
    {
        if (!keys.TryAdd(key, line))
        {
            Wrong(line, $"transaction '{key}' began on line {keys[key]} and ended; its lines must follow each other.");
        }

        if (key.Length is 0 or > Syntax.MetadataValueLengthMax)
        {
            Wrong(line, $"the transaction must have 1 to {Syntax.MetadataValueLengthMax} characters.");
        }

        if (!DateOnly.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            Wrong(line, $"'{date}' is not a date such as 2025-01-31.");
        }

        if (description.Length > Syntax.MetadataValueLengthMax)
        {
            Wrong(line, $"the description has {description.Length} characters; "
                + $"at most {Syntax.MetadataValueLengthMax} can be kept.");
        }

        postings = [];
        isIncomplete = false;
        return new PostingTransaction(key, date, description, postings);
    }

    private Posting? ReadPosting(long line, string written, string asset, string amountText)
    {
        var before = errors.Count;
        var account = keepVirtual ? written : VirtualPostings.AccountOf(written, asset);
        if (!string.Equals(account, written, StringComparison.Ordinal))
        {
            virtualAccounts[written] = account;
        }

        if (!Syntax.IsAddress(account))
        {
            Wrong(line, $"'{account}' is not an account address such as users:42:wallet.");
        }

        if (!Syntax.IsAsset(asset))
        {
            Wrong(line, $"'{asset}' is not an asset such as USD/2.");
        }
        else if (!assets.TryAdd(account, (asset, line))
            && !string.Equals(assets[account].Asset, asset, StringComparison.Ordinal))
        {
            Wrong(line, $"account {account} holds {assets[account].Asset} on line {assets[account].Line}, "
                + $"and {asset} here; an account holds one asset.");
        }

        if (!Syntax.TrySignedAmount(amountText, out var amount))
        {
            Wrong(line, $"'{amountText}' is not an amount in minor units, a whole number such as 1250 or -1250.");
        }

        return errors.Count == before ? new Posting(line, account, asset, amount) : null;
    }

    private void End(PostingTransaction? transaction)
    {
        if (transaction is null)
        {
            return;
        }

        if (!isIncomplete)
        {
            foreach (var asset in transaction.Postings.GroupBy(posting => posting.Asset, StringComparer.Ordinal))
            {
                var sum = asset.Aggregate(BigInteger.Zero, (total, posting) => total + posting.Amount);
                if (!sum.IsZero)
                {
                    Wrong(keys[transaction.Key], $"transaction '{transaction.Key}' does not balance: "
                        + $"its {asset.Key} postings add up to {sum} and not to 0.");
                }
            }
        }

        transactions.Add(transaction);
    }

    private void Wrong(long line, string message) => errors.Add(new ImportError(name, line, message));

    private static string[] Fields(CsvReader csv)
    {
        var fields = new string[csv.FieldCount];
        for (var i = 0; i < fields.Length; i++)
        {
            fields[i] = csv.GetString(i);
        }

        return fields;
    }

    private static string Explain(CsvMalformedReason reason) => reason switch
    {
        CsvMalformedReason.StrayQuote => "a quote stands inside a field that does not begin with one.",
        CsvMalformedReason.TextAfterClosingQuote => "text follows the closing quote of a field.",
        CsvMalformedReason.UnterminatedQuote => "a quoted field is never closed.",
        _ => $"the line is malformed ({reason}).",
    };
}
