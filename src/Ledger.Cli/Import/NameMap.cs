namespace Ledger.Cli.Import;

/// <summary>A mapping file: what the names of another program are called here.</summary>
/// <remarks>CSV with the header <c>kind,from,to</c>. A name without a line is taken as it stands. <c>from</c> may end
/// in
/// <c>*</c>, which stands for any rest: the longest such line counts, and one without it before all. In <c>to</c>,
/// <c>{*}</c> is that rest and <c>{asset}</c> the asset's code.</remarks>
internal sealed class NameMap
{
    /// <summary>A map without lines.</summary>
    public static readonly NameMap Empty = new();

    private const string Column = "column";
    private const string Account = "account";
    private const string Asset = "asset";
    private const string Code = "code";
    private const string Balancing = "balancing";

    private static readonly string[] Header = ["kind", "from", "to"];
    private static readonly string[] Kinds = [Column, Account, Asset, Code, Balancing];

    private readonly Dictionary<(string Kind, string From), Rule> rules = [];
    private readonly List<Rule> patterns = [];

    private NameMap()
    {
    }

    /// <summary>The lines that no name of the file has asked for, in their order: slips of the pen, mostly.</summary>
    public IEnumerable<(long Line, string Kind, string From)> Unused => rules.Values
        .Where(static rule => !rule.IsUsed)
        .OrderBy(static rule => rule.Line)
        .Select(static rule => (rule.Line, rule.Kind, rule.From));

    /// <summary>Reads and checks a mapping file.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="errors">What is wrong, in the order of the file; empty for a valid one.</param>
    /// <returns>The map; null when anything is wrong with it.</returns>
    public static NameMap? Read(string name, byte[] content, out IReadOnlyList<ImportError> errors)
    {
        var map = new NameMap();
        var wrong = new List<ImportError>();
        errors = wrong;
        var lines = CsvLines.Read(content, ',', out var unreadable);
        if (unreadable is { } reason)
        {
            wrong.Add(new ImportError(name, reason.Line, reason.Message));
            return null;
        }

        if (lines.Count == 0 || !lines[0].Fields.SequenceEqual(Header, StringComparer.Ordinal))
        {
            wrong.Add(new ImportError(name, 1, $"the header of a mapping file must be {string.Join(',', Header)}"));
            return null;
        }

        foreach (var line in lines.Skip(1))
        {
            if (map.Add(line) is { } message)
            {
                wrong.Add(new ImportError(name, line.Line, message));
            }
        }

        // The longest first: that is the one that says most.
        map.patterns.Sort(static (a, b) => b.From.Length.CompareTo(a.From.Length));
        return wrong.Count == 0 ? map : null;
    }

    /// <summary>What a column of the file is here; empty where it is left out.</summary>
    public string ColumnOf(string name) => Find(Column, name, "") ?? name;

    /// <summary>The address of an account.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="asset">The asset of the posting, such as <c>USD/2</c>.</param>
    public string AccountOf(string name, string asset) => Find(Account, name, asset) ?? name;

    /// <summary>The asset of a commodity.</summary>
    public string AssetOf(string name) => Find(Asset, name, "") ?? name;

    /// <summary>The code of a transfer, as a number in digits.</summary>
    public string CodeOf(string name) => Find(Code, name, "") ?? name;

    /// <summary>The account that takes what the postings of a transaction lack to zero in an asset; null where all must
    /// add up by themselves.</summary>
    public string? BalancingOf(string asset) => Find(Balancing, asset, asset);

    private string? Add(CsvLine line)
    {
        if (line.Wrong is not null)
        {
            return line.Wrong;
        }

        if (line.Fields.Count != Header.Length)
        {
            return $"{Header.Length} fields are needed, here are {line.Fields.Count}.";
        }

        var rule = new Rule(line.Line, line.Fields[0], line.Fields[1], line.Fields[2]);
        if (!Kinds.Contains(rule.Kind, StringComparer.Ordinal))
        {
            return $"column 'kind': '{rule.Kind}' is not one of {string.Join(", ", Kinds)}.";
        }

        if (rule.From.Length == 0)
        {
            return "column 'from' is empty.";
        }

        // A column may be left out; everything else must be something.
        if (rule.To.Length == 0 && rule.Kind != Column)
        {
            return "column 'to' is empty.";
        }

        if (!rules.TryAdd((rule.Kind, rule.From), rule))
        {
            return $"{rule.Kind} '{rule.From}' is on line {rules[(rule.Kind, rule.From)].Line} already.";
        }

        if (rule.IsPattern)
        {
            patterns.Add(rule);
        }

        return null;
    }

    private string? Find(string kind, string name, string asset)
    {
        if (!rules.TryGetValue((kind, name), out var rule) || rule.IsPattern)
        {
            rule = patterns.Find(one => one.Kind == kind && name.StartsWith(one.From[..^1], StringComparison.Ordinal));
        }

        if (rule is null)
        {
            return null;
        }

        rule.IsUsed = true;
        var rest = rule.IsPattern ? name[(rule.From.Length - 1)..] : name;
        var slash = asset.IndexOf('/', StringComparison.Ordinal);
        return rule.To
            .Replace("{asset}", slash < 0 ? asset : asset[..slash], StringComparison.Ordinal)
            .Replace("{*}", rest, StringComparison.Ordinal);
    }

    private sealed class Rule(long line, string kind, string from, string to)
    {
        public long Line { get; } = line;

        public string Kind { get; } = kind;

        public string From { get; } = from;

        public string To { get; } = to;

        public bool IsPattern { get; } = from.EndsWith('*');

        public bool IsUsed { get; set; }
    }
}
