namespace Ledger.Cli.Import;

/// <summary>Where the columns of a posting file stand.</summary>
/// <remarks>A file has a line for each posting (<c>account</c>), or a line for each transfer (<c>debit</c> and
/// <c>credit</c>). Amount and asset may stand in one column, <c>12.50 EUR</c>. A column that has no meaning here is
/// refused: it may be one that is misspelt.</remarks>
internal sealed class Columns
{
    public const string Key = "transaction";
    public const string Date = "date";
    public const string Description = "description";
    public const string Account = "account";
    public const string Debit = "debit";
    public const string Credit = "credit";
    public const string Asset = "asset";
    public const string Amount = "amount";
    public const string AmountAndAsset = "amount-and-asset";
    public const string Attempt = "attempt";
    public const string Code = "code";

    private static readonly string[] OfPostings = [Key, Date, Description, Account, Asset, Amount];
    private static readonly string[] OfTransfers = [Date, Description, Debit, Credit, Asset, Amount];
    private static readonly string[] Known =
        [Key, Date, Description, Account, Debit, Credit, Asset, Amount, AmountAndAsset, Attempt, Code];

    private readonly Dictionary<string, (int Place, string Written)> places = new(StringComparer.Ordinal);

    private Columns(int count) => Count = count;

    /// <summary>How many fields a line has.</summary>
    public int Count { get; }

    /// <summary>Whether each line is a transfer, with both of its accounts.</summary>
    public bool AreOfTransfers => places.ContainsKey(Debit);

    /// <summary>Finds the columns.</summary>
    /// <param name="header">The first line.</param>
    /// <param name="format">How the file is read.</param>
    /// <param name="errors">What is wrong with it, each with the name of the column; empty when nothing is.</param>
    public static Columns Of(IReadOnlyList<string> header, PostingFormat format, out IReadOnlyList<string> errors)
    {
        var columns = new Columns(header.Count);
        var wrong = new List<string>();
        errors = wrong;
        for (var i = 0; i < header.Count; i++)
        {
            var written = header[i];
            var isKey = format.KeyColumn is { } key && string.Equals(key, written, StringComparison.Ordinal);
            var name = isKey ? Key : format.Map.ColumnOf(written);
            if (name.Length == 0 && written.Length > 0)
            {
                continue;
            }

            if (!Known.Contains(name, StringComparer.Ordinal))
            {
                wrong.Add($"column {i + 1}: '{name}' is not a column of a posting file{Suggestion(name)} "
                    + $"Known are {string.Join(", ", Known)}; others are left out by a line 'column,{written},' of "
                    + "--map.");
            }
            else if (!columns.places.TryAdd(name, (i, written)))
            {
                var (place, first) = columns.places[name];
                wrong.Add(string.Equals(first, written, StringComparison.Ordinal)
                    ? $"the column '{name}' stands twice, as column {place + 1} and {i + 1}."
                    : $"the column '{name}' stands twice, as '{first}' and '{written}'.");
            }
        }

        if (format.KeyColumn is { } wanted && !header.Contains(wanted, StringComparer.Ordinal))
        {
            wrong.Add($"there is no column '{wanted}', which --key names.");
        }

        wrong.AddRange(columns.Missing());
        if (header.Count == 1 && header[0].AsSpan().IndexOfAny(",;\t|") >= 0)
        {
            wrong.Add("the header is one field only; where the file has another separator, give --separator.");
        }

        return columns;
    }

    /// <summary>Whether the file has the column.</summary>
    public bool Has(string name) => places.ContainsKey(name);

    /// <summary>What a line has in a column; empty where the file does not have it.</summary>
    public string Of(CsvLine line, string name) => places.TryGetValue(name, out var at) ? line.Fields[at.Place] : "";

    /// <summary>What the file calls a column.</summary>
    public string Name(string name) => places.TryGetValue(name, out var at) ? at.Written : name;

    private IEnumerable<string> Missing()
    {
        var isTransfers = Has(Debit) || Has(Credit);
        if (isTransfers && Has(Account))
        {
            yield return "a file has the column 'account', or the columns 'debit' and 'credit', and not both.";
            yield break;
        }

        if (Has(AmountAndAsset) && (Has(Amount) || Has(Asset)))
        {
            yield return $"a file has the column '{AmountAndAsset}', or the columns 'amount' and 'asset', and not "
                + "both.";
        }

        foreach (var name in isTransfers ? OfTransfers : OfPostings)
        {
            if (!Has(name) && !(name is Amount or Asset && Has(AmountAndAsset)))
            {
                yield return name == Key
                    ? $"the column '{name}' is missing; --key names another one that tells which lines belong together."
                    : $"the column '{name}' is missing.";
            }
        }
    }

    private static string Suggestion(string name)
    {
        var near = Known.MinBy(known => Distance(name.ToLowerInvariant(), known))!;
        return Distance(name.ToLowerInvariant(), near) <= Math.Max(1, name.Length / 4) ? $"; is '{near}' meant?" : ".";
    }

    // How many letters differ, by Levenshtein.
    private static int Distance(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var k = 1; k <= other.Length; k++)
            {
                var replaced = diagonal + (one[i - 1] == other[k - 1] ? 0 : 1);
                diagonal = row[k];
                row[k] = Math.Min(replaced, 1 + Math.Min(row[k], row[k - 1]));
            }
        }

        return row[^1];
    }
}
