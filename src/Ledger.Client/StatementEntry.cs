using System.Numerics;

namespace Ledger.Client;

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
