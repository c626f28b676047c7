namespace Ledger.Client;

/// <summary>Which entries of a statement to list, and in which order. The default is all, the oldest first.</summary>
public sealed record StatementQuery
{
    /// <summary>Whether the newest entry comes first. The default is false.</summary>
    public bool NewestFirst { get; init; }

    /// <summary>The first entry's number to include; null (the default) for from the first.</summary>
    public ulong? MinSequence { get; init; }

    /// <summary>The last entry's number to include; null (the default) for to the last.</summary>
    public ulong? MaxSequence { get; init; }

    /// <summary>Entries booked at this time or later; null (the default) for from the first.</summary>
    public DateTimeOffset? StartTime { get; init; }

    /// <summary>Entries booked before this time; null (the default) for to the last.</summary>
    public DateTimeOffset? EndTime { get; init; }

    /// <summary>Called, before the entries of a page, when transactions are in doubt on the account. Everything that it
    /// prepared at the given time or earlier is decided and booked; what it prepared later may be missing and be booked
    /// later. Not called when the statement is complete as of the call. Null (the default): the list fails then, as
    /// <c>ACCOUNT_IN_DOUBT</c>, unless
    /// <see cref="RequestOptions.AllowInDoubt"/> is set.</summary>
    public Action<DateTimeOffset>? OnInDoubt { get; init; }

    /// <summary>How many entries are fetched at a time: 1 to 1,000. The default is 100. It does not limit the
    /// list.</summary>
    public int PageSize { get; init; } = 100;
}
