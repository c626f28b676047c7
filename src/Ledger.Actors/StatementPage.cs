namespace Ledger;

/// <summary>A page of a statement. Immutable.</summary>
/// <param name="Entries">The entries, in the order that was asked for.</param>
/// <param name="NextSequence">The number of the entry that the next page begins with (as its minimum, or its maximum
/// when the newest comes first), or null when this page is the last.</param>
public sealed record StatementPage(IReadOnlyList<StatementEntry> Entries, ulong? NextSequence)
{
    /// <summary>When something is in doubt although the read has waited for it: everything that the account prepared at
    /// this time or earlier is decided and booked, and what it prepared later may be missing and be booked later. Null
    /// when nothing was in doubt that was prepared before the read: then the statement is complete as of the
    /// read.</summary>
    public LedgerTime? CompleteUpTo { get; init; }

    /// <summary>The ledger's epoch in which the page was read. After a loss of commits another one begins, and a page
    /// of before may show what is no more.</summary>
    public long Epoch { get; init; }
}
