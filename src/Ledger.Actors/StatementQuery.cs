namespace Ledger;

/// <summary>Which entries of a statement to read. Immutable.</summary>
/// <param name="Account">The account.</param>
public sealed record StatementQuery(AccountAddress Account)
{
    /// <summary>How many entries at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>. The default value is
    /// 100.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>Whether the newest entry comes first. The default value is false.</summary>
    public bool NewestFirst { get; init; }

    /// <summary>The number of the first entry to include. The default value is 1.</summary>
    public ulong MinSequence { get; init; } = 1;

    /// <summary>The number of the last entry to include. The default value is the largest.</summary>
    public ulong MaxSequence { get; init; } = ulong.MaxValue;

    /// <summary>Entries booked at this time or later; null for no bound.</summary>
    public LedgerTime? StartTime { get; init; }

    /// <summary>Entries booked before this time; null for no bound.</summary>
    public LedgerTime? EndTime { get; init; }
}
