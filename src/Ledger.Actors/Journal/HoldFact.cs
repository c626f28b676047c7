using Ledger.Core;

namespace Ledger.Actors.Journal;

/// <summary>What a journal row says about work that falls due later. The index of that work is a fold of these.</summary>
internal abstract record HoldFact;

/// <summary>A hold was made. Found in the journal of its credit account: where that was the last agent, in its commit; where it was
/// a participant, already in what it prepared, since a commit there does not repeat what it commits.</summary>
/// <param name="Id">The hold.</param>
/// <param name="Debit">Its debit account, at which it is posted, voided and expired.</param>
/// <param name="Credit">Its credit account.</param>
/// <param name="Deadline">When it expires; null for never.</param>
internal sealed record HoldMade(TransferId Id, AccountAddress Debit, AccountAddress Credit, LedgerTime? Deadline) : HoldFact
{
    /// <summary>Whether it was merely prepared. It is indexed all the same: an entry for a hold that never came to be costs a
    /// vain look, a hold without an entry would never expire.</summary>
    public bool InDoubt { get; init; }
}

/// <summary>A hold was posted to its end, voided or expired. Found in the journal of its credit account.</summary>
/// <param name="Id">The hold.</param>
internal sealed record HoldEnded(TransferId Id) : HoldFact;

/// <summary>A hold was given another deadline. Found in the journal of its debit account.</summary>
/// <param name="Id">The hold.</param>
/// <param name="Deadline">When it expires now.</param>
internal sealed record HoldDeadlineSet(TransferId Id, LedgerTime Deadline) : HoldFact;

/// <summary>Reads the facts of one row, in their order. Throws for a row that can't be read.</summary>
/// <param name="row">The stored bytes.</param>
/// <param name="persistenceId">The stream.</param>
/// <param name="sequenceNr">The row's number in it.</param>
internal delegate IEnumerable<HoldFact> HoldFactDecoder(
    ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr);

/// <summary>Finds the accounts that a dead process left in doubt. Fed with the rows of all accounts since some moment, in the
/// order of each account's own stream; what was prepared before that moment is not its concern.</summary>
internal interface IUnfinishedFold
{
    /// <summary>The accounts with something prepared that is not decided.</summary>
    IReadOnlyCollection<AccountAddress> Accounts { get; }

    /// <summary>Folds one row.</summary>
    /// <param name="row">The stored bytes.</param>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="sequenceNr">The row's number in it.</param>
    void Add(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr);
}

/// <summary>What the index and the hold expiry understand of rows.</summary>
/// <param name="Facts">Reads a marked row.</param>
/// <param name="NewUnfinished">Begins a search for accounts in doubt.</param>
internal sealed record HoldFactReader(HoldFactDecoder Facts, Func<IUnfinishedFold> NewUnfinished)
{
    /// <summary>The manifest of rows that hold a <see cref="HoldFact"/>, where others have
    /// <see cref="LedgerSerializer.RowManifest"/>. Stored: never change it. The bytes are the same; only so the index need not
    /// read each row.</summary>
    public const string MarkedManifest = "b1h";

    /// <summary>Understands nothing, and so finds no work.</summary>
    public static readonly HoldFactReader None = new(static (_, _, _) => [], static () => new NothingUnfinished());

    private sealed class NothingUnfinished : IUnfinishedFold
    {
        public IReadOnlyCollection<AccountAddress> Accounts => [];

        public void Add(ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr)
        {
        }
    }
}
