namespace Ledger.Actors.Storage;

/// <summary>What falls due later, and what is in doubt: found without asking any account, and written by none on the
/// way of a transfer. Everything in it follows from the journal; it may lag behind it, be dropped, and be made again.
/// Thread-safe.
/// </summary>
internal interface IHoldIndex : IAsyncDisposable
{
    /// <summary>Folds in what the journal has got since. When it returns, everything is in that was committed before
    /// the call.
    /// </summary>
    Task CatchUpAsync(CancellationToken cancellationToken);

    /// <summary>The accounts of a hold, live or ended; null when the index knows of none.</summary>
    Task<HoldAccounts?> FindHoldAsync(TransferId hold, CancellationToken cancellationToken);

    /// <summary>The debit accounts with holds due by a time, the earliest first. May leave some out; never all of
    /// them.</summary>
    /// <param name="upTo">The time.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="except">Accounts to leave out.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<DueAccount>> DueAsync(
        LedgerTime upTo, int limit, IReadOnlyCollection<AccountAddress> except, CancellationToken cancellationToken);

    /// <summary>Which of the accounts have a hold that is due by the time that stands with it.</summary>
    Task<IReadOnlySet<AccountAddress>> StillDueAsync(
        IReadOnlyList<DueAccount> accounts, CancellationToken cancellationToken);

    /// <summary>The holds that are due later than one time and not later than another, the earliest first. May leave
    /// some out.</summary>
    /// <param name="after">The one time.</param>
    /// <param name="upTo">The other.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    Task<IReadOnlyList<UpcomingHold>> UpcomingAsync(
        LedgerTime after, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    /// <summary>When the next hold is due; null for none.</summary>
    Task<LedgerTime?> NextDueAsync(CancellationToken cancellationToken);

    /// <summary>An account's holds that are due by a time, the earliest first.</summary>
    Task<IReadOnlyList<DueHold>> DueHoldsAsync(
        AccountAddress account, LedgerTime upTo, int limit, CancellationToken cancellationToken);

    /// <summary>Takes holds off the list that were found not to be live.</summary>
    Task EndedAsync(IReadOnlyCollection<TransferId> holds, CancellationToken cancellationToken);

    /// <summary>Corrects a hold's deadline, unless it has changed since it was read.</summary>
    /// <param name="hold">The hold, as it was read.</param>
    /// <param name="deadline">What its account says.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    Task CorrectAsync(DueHold hold, LedgerTime? deadline, CancellationToken cancellationToken);

    /// <summary>Notes durably that an account has been in doubt for long, so that it is woken by whoever comes after
    /// this process. The newest note of an account stands.</summary>
    /// <param name="account">The account.</param>
    /// <param name="since">Since when the oldest of what it has in doubt has been so.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    /// <returns>The note: its time is later than those of all notes of the account that are still there, so that each
    /// is told from the one before it.</returns>
    Task<UnfinishedAccount> AddUnfinishedAsync(
        AccountAddress account, LedgerTime since, CancellationToken cancellationToken);

    /// <summary>Takes a note back. One that was made since it was seen stays.</summary>
    /// <param name="seen">The note, as it was made or listed.</param>
    /// <param name="cancellationToken">Stops the write.</param>
    Task RemoveUnfinishedAsync(UnfinishedAccount seen, CancellationToken cancellationToken);

    /// <summary>The accounts that are noted as in doubt, in the order of their addresses.</summary>
    Task<IReadOnlyList<UnfinishedAccount>> ListUnfinishedAsync(
        AccountAddress after, int limit, CancellationToken cancellationToken);

    /// <summary>Reads all rows of accounts after a place of the journal, in order, up to where it ends at the time of
    /// the call.
    /// </summary>
    IAsyncEnumerable<JournalPageRow> ReadSinceAsync(long ordering, CancellationToken cancellationToken);

    /// <summary>The last place up to which every row has been committed that ever will be.</summary>
    Task<long> SettledAsync(CancellationToken cancellationToken);

    /// <summary>The place from which on the rows are to be searched for accounts in doubt.</summary>
    Task<long> RecoveredUpToAsync(CancellationToken cancellationToken);

    /// <summary>Moves that place on; never back.</summary>
    Task SaveRecoveredUpToAsync(long ordering, CancellationToken cancellationToken);
}
