namespace Ledger.Actors.Journal;

/// <summary>What a journal row says about work that falls due later. The index of that work is a fold of
/// these.</summary>
internal abstract record HoldFact;

/// <summary>A hold was made. Found in the journal of its credit account: where that was the last agent, in its commit;
/// where it was a participant, already in what it prepared, since a commit there does not repeat what it
/// commits.</summary>
/// <param name="Id">The hold.</param>
/// <param name="Debit">Its debit account, at which it is posted, voided and expired.</param>
/// <param name="Credit">Its credit account.</param>
/// <param name="Deadline">When it expires; null for never.</param>
internal sealed record HoldMade(TransferId Id, AccountAddress Debit, AccountAddress Credit, LedgerTime? Deadline)
    : HoldFact
{
    /// <summary>Whether it was merely prepared. It is indexed all the same: an entry for a hold that never came to be
    /// costs a vain look, a hold without an entry would never expire.</summary>
    public bool InDoubt { get; init; }
}

/// <summary>A hold was posted to its end, voided or expired. Found in the journal of its credit account.</summary>
/// <param name="Id">The hold.</param>
internal sealed record HoldEnded(TransferId Id) : HoldFact;

/// <summary>A hold was given another deadline. Found in the journal of its debit account.</summary>
/// <param name="Id">The hold.</param>
/// <param name="Deadline">When it expires now.</param>
internal sealed record HoldDeadlineSet(TransferId Id, LedgerTime Deadline) : HoldFact;
