namespace Ledger;

/// <summary>One line of a statement: one posted change of one account. Immutable.</summary>
/// <param name="Sequence">The entry's number on this account: 1, 2, 3 and so on without a hole.</param>
/// <param name="BookTime">When the account booked it; it never falls from one entry to the next.</param>
/// <param name="Transfer">The transfer that moved the money.</param>
/// <param name="CreateTime">When that transfer was committed.</param>
/// <param name="Direction">Whether this account was debited or credited.</param>
/// <param name="DebitsPosted">The account's posted debits after the entry.</param>
/// <param name="CreditsPosted">The account's posted credits after the entry.</param>
public sealed record StatementEntry(
    ulong Sequence, LedgerTime BookTime, Transfer Transfer, LedgerTime CreateTime, EntryDirection Direction,
    Amount DebitsPosted, Amount CreditsPosted)
{
    /// <summary>Posted debits less posted credits after the entry.</summary>
    public SignedAmount Balance => SignedAmount.Difference(DebitsPosted, CreditsPosted);

    /// <summary>The transaction that the transfer is a part of; its own id when it stood alone.</summary>
    public TransferId TransactionId { get; init; }

    /// <summary>The asset that the account holds, whether or not the transfer named it.</summary>
    public Asset Asset { get; init; }
}
