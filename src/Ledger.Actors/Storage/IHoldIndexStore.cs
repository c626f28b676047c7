namespace Ledger.Actors.Storage;

/// <summary>What the index needs of a database. Thread-safe.</summary>
internal interface IHoldIndexStore : IAsyncDisposable
{
    Task<JournalPosition> ReadPositionAsync(CancellationToken cancellationToken);

    /// <summary>Applies changes and moves the checkpoint, in one transaction.</summary>
    /// <returns>False when somebody else has folded since the version was read; nothing is applied then.</returns>
    Task<bool> ApplyAsync(
        HoldIndexChanges changes, JournalPosition from, long checkpoint, CancellationToken cancellationToken);

    Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken);

    Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken);

    Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken);

    Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken);

    Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    Task EndAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken);

    Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken);

    Task<UnfinishedAccount> AddUnfinishedAsync(UnfinishedAccount account, CancellationToken cancellationToken);

    Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken);

    Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken);

    Task<long> ReadRecoveredAsync(CancellationToken cancellationToken);

    Task SaveRecoveredAsync(long ordering, CancellationToken cancellationToken);
}
