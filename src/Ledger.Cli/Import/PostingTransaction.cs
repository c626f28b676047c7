namespace Ledger.Cli.Import;

/// <summary>A transaction of a posting file: postings that balance to zero per asset.</summary>
/// <param name="Key">What the file calls it, such as a running number; unique in the file.</param>
/// <param name="Date">The date, in ISO 8601.</param>
/// <param name="Description">The description.</param>
/// <param name="Postings">The postings, in the order of the file.</param>
internal sealed record PostingTransaction(string Key, string Date, string Description, IReadOnlyList<Posting> Postings)
{
    /// <summary>The line on which it begins.</summary>
    public long Line { get; init; }

    /// <summary>When it counts; null where the date is none, which is told.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>The code of its transfers.</summary>
    public uint Code { get; init; } = 1;

    /// <summary>Which try to import it this is, from 1.</summary>
    public uint Attempt { get; init; } = 1;
}
