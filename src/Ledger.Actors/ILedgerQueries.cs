namespace Ledger;

/// <summary>Questions across accounts, in process. Thread-safe. Obtained from dependency injection after
/// <c>WithLedger(...)</c>.</summary>
/// <remarks>
/// Searches are answered by the index (<see cref="LedgerIndexOptions"/>), which follows the journal and lags behind it
/// by a moment; where it is off they fail with <see cref="LedgerErrorReason.IndexOff"/>, and where it lags too far with
/// <see cref="LedgerErrorReason.IndexBehind"/>. What asks accounts themselves needs no index. Nothing here changes
/// anything. A <c>timeout</c> of null means <see cref="LedgerOptions.CallTimeout"/>.
/// </remarks>
public interface ILedgerQueries
{
    /// <summary>Finds transfers, rejected ones too where they are asked for. Pages are stable under writes: a transfer
    /// that was there at the first page is on one page, and no transfer is on two. One that is committed meanwhile may
    /// be on a later page, or on none.</summary>
    /// <remarks>Each row reveals its debit and its credit account, and the balances that one of them had at a
    /// rejection; so does the count.</remarks>
    /// <param name="search">Which ones.</param>
    /// <param name="timeout">How long to wait for the index to come to <see cref="TransferSearch.AtLeast"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">The search is invalid, the index is off or behind, or it can't be read
    /// now.</exception>
    Task<TransferSearchPage> SearchTransfersAsync(
        TransferSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Finds accounts without waking any, in the order of their addresses.</summary>
    /// <remarks>Each row reveals its own account; so does the count.</remarks>
    /// <param name="search">Which ones.</param>
    /// <param name="timeout">How long to wait for the index to come to <see cref="AccountSearch.AtLeast"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">The search is invalid, the index is off or behind, or it can't be read
    /// now.</exception>
    Task<AccountSearchPage> SearchAccountsAsync(
        AccountSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Lists the live holds of an account, exactly, as the account itself has them; null when there is no such
    /// account.</summary>
    /// <remarks>Reveals the account, and of each hold its other account.</remarks>
    /// <param name="query">Which ones.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now, or the query is invalid.</exception>
    Task<HoldPage?> ListHoldsAsync(
        HoldQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads accounts, each as of its own moment; null in the place of one that does not exist. Where
    /// something is in doubt on one of them, its <see cref="Account.Doubt"/> says what.</summary>
    /// <remarks>Reveals the accounts that are asked for, and no others but those of doubts.</remarks>
    /// <param name="accounts">From 1 to <see cref="LedgerLimits.BatchMax"/> addresses; one that is there twice is
    /// answered twice.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now, the request is invalid, or the answer would be too
    /// large:
    /// ask for fewer.</exception>
    Task<IReadOnlyList<Account?>> GetAccountsAsync(
        IReadOnlyList<AccountAddress> accounts, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default);

    /// <summary>Reads transfers; null in the place of one that there is none of. One without an account is found as
    /// <see cref="ILedger.GetTransferAsync"/> finds it.</summary>
    /// <remarks>Reveals both accounts of each transfer.</remarks>
    /// <param name="transfers">From 1 to <see cref="LedgerLimits.BatchMax"/> transfers; one that is there twice is
    /// answered twice.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now, the request is invalid, or the answer would be too
    /// large:
    /// ask for fewer.</exception>
    Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyList<TransferKey> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
}
