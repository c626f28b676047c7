using System.Numerics;

namespace Ledger.Client;

/// <summary>The side of an account that a transfer changed. The numbers are those of the wire.</summary>
public enum EntryDirection
{
    /// <summary>Not known to this version of the client.</summary>
    Unspecified = 0,

    /// <summary>The account was debited.</summary>
    Debit = 1,

    /// <summary>The account was credited.</summary>
    Credit = 2,
}

/// <summary>One line of a statement: one posted change of one account.</summary>
public sealed record StatementEntry
{
    /// <summary>The entry's number on this account: 1, 2, 3 and so on without a hole.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>When the account booked it. It never falls from one entry to the next.</summary>
    public required DateTimeOffset BookTime { get; init; }

    /// <summary>The transfer that moved the money.</summary>
    public required Transfer Transfer { get; init; }

    /// <summary>When that transfer was committed.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>Whether this account was debited or credited.</summary>
    public required EntryDirection Direction { get; init; }

    /// <summary>The account's posted debits after this entry.</summary>
    public required UInt128 DebitsPosted { get; init; }

    /// <summary>The account's posted credits after this entry.</summary>
    public required UInt128 CreditsPosted { get; init; }

    /// <summary>Posted debits less posted credits after this entry.</summary>
    public required BigInteger Balance { get; init; }

    /// <summary>The asset that the account holds, such as <c>USD/2</c>, whether or not the transfer named it.</summary>
    public string Asset { get; init; } = "";
}

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

    /// <summary>Called, before the entries of a page, when transactions are in doubt on the account. Everything that it prepared at
    /// the given time or earlier is decided and booked; what it prepared later may be missing and be booked later. Not called
    /// when the statement is complete as of the call. Null (the default): the list fails then, as <c>ACCOUNT_IN_DOUBT</c>, unless
    /// <see cref="RequestOptions.AllowInDoubt"/> is set.</summary>
    public Action<DateTimeOffset>? OnInDoubt { get; init; }

    /// <summary>How many entries are fetched at a time: 1 to 1,000. The default is 500. It does not limit the list.</summary>
    public int PageSize { get; init; } = 500;
}
