namespace Ledger.Actors.Journal;

/// <summary>Finds the accounts that a dead process left in doubt. Fed with the rows of all accounts since some moment,
/// in the order of each account's own stream; what was prepared before that moment is not its concern.</summary>
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
