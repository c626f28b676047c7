namespace Ledger.Cli.Import;

/// <summary>How a posting file is to be read.</summary>
internal sealed record PostingFormat
{
    /// <summary>The form of the ledger's own files.</summary>
    public static readonly PostingFormat Default = new();

    /// <summary>What stands between two fields.</summary>
    public char Separator { get; init; } = ',';

    /// <summary>The mark before the decimals of an amount; null (the default) for whole numbers of minor
    /// units.</summary>
    public char? DecimalMark { get; init; }

    /// <summary>The form of dates, as .NET writes it; null (the default) for ISO 8601.</summary>
    public string? DateFormat { get; init; }

    /// <summary>The column of the key; null (the default) for <c>transaction</c>.</summary>
    public string? KeyColumn { get; init; }

    /// <summary>The attempt of what the file names none for.</summary>
    public uint Attempt { get; init; } = 1;

    /// <summary>The code of what the file names none for.</summary>
    public uint Code { get; init; } = 1;

    /// <summary>Whether accounts written as virtual postings are taken as they are written.</summary>
    public bool KeepVirtual { get; init; }

    /// <summary>What the file's names are called here.</summary>
    public NameMap Map { get; init; } = NameMap.Empty;
}
