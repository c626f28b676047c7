namespace Ledger;

/// <summary>The ledger, in process. Thread-safe. Obtained from dependency injection after
/// <c>WithLedger(...)</c>.</summary>
/// <remarks>
/// A call has three outcomes. It returns: the outcome of every item is in its result, and a rejection is a result. It
/// throws <see cref="LedgerException"/> with <see cref="LedgerException.OutcomeUnknown"/> false: nothing was applied.
/// It throws with <see cref="LedgerException.OutcomeUnknown"/> true, or <see cref="OperationCanceledException"/>: the
/// outcome is unknown; send the same ids with the same content again.
/// A <c>timeout</c> of null means <see cref="LedgerOptions.CallTimeout"/>.
/// </remarks>
public interface ILedger
{
    /// <summary>The same ledger, in the name of somebody: what is written through it says who asked. Cheap; may be
    /// called for each request.</summary>
    /// <param name="principal">Who asks, such as a user or a service: at most <see cref="Principals.BytesMax"/> bytes
    /// of UTF-8, without control characters, and not beginning with <see cref="Principals.ReservedPrefix"/>; empty for
    /// nobody. It is no part of what is asked for: the same id asked for again by another is the same request, and its
    /// first principal stays.</param>
    /// <exception cref="LedgerException">The principal is none; its field is <c>principal</c>.</exception>
    ILedger WithCaller(string principal);

    /// <summary>The same ledger, whose posts are answered with their accounts as they are right after: see
    /// <see cref="TransferResult.DebitAfter"/> and <see cref="TransactionResult.After"/>. At most
    /// <see cref="LedgerLimits.ReturnedBalancesMax"/> transfers or legs in one request. It costs no row and no message;
    /// an answer waits for what its first account is writing at the moment.</summary>
    ILedger ReturningBalances();

    /// <summary>The opaque text of a position that a write was answered with, as the API tells it: it names the
    /// ledger's epoch too, and is told from a text that this ledger has not made. Empty for none.</summary>
    /// <param name="position">The position.</param>
    string PositionOf(RowPosition position);

    /// <summary>Opens accounts, each on its own. Idempotent. Results come in the order of the request.</summary>
    /// <param name="accounts">From 1 to <see cref="LedgerLimits.BatchMax"/> accounts.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts one transfer. Idempotent by its id.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts transfers, each on its own and in no promised order. Results come in the order of the
    /// request.</summary>
    /// <param name="transfers">From 1 to <see cref="LedgerLimits.BatchMax"/> transfers.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or the outcome of at least one transfer is
    /// unknown.</exception>
    Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads an account, linearizably; null when it does not exist.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now; with <see cref="LedgerErrorReason.AccountInDoubt"/>
    /// because transactions are in doubt on it, for which the read has waited up to a second.</exception>
    Task<Account?> GetAccountAsync(
        AccountAddress address, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        GetAccountAsync(new AccountQuery(address), timeout, cancellationToken);

    /// <summary>Reads an account; null when it does not exist.</summary>
    /// <param name="query">Which one, and whether an answer is wanted that is not firm.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now; see <see cref="AccountQuery.AllowInDoubt"/>.</exception>
    Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Looks a transfer up in the memory of one of its accounts; null when the account never took part in it.
    /// Without an account that is never said of what was merely forgotten: it fails with
    /// <see cref="LedgerErrorReason.TransferNotRemembered"/>.</summary>
    /// <param name="account">The transfer's debit or credit account; none when the caller does not know it. It is then
    /// found by the index (<see cref="LedgerIndexOptions"/>), and null says that there is none; where several have the
    /// id, it fails with <see cref="LedgerErrorReason.TransferIdAmbiguous"/>. Without the index a hold is found by the
    /// hold index, however old, and another transfer only by this node's memory of recent ids.</param>
    /// <param name="id">The transfer's id.</param>
    /// <param name="timeout">How long to wait while it is in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts a transaction: all of its legs or none. Idempotent by its id: the retry of one that was committed
    /// returns its original results, that of one that was rejected the original reason.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Looks a transaction up in the memory of its coordinator, the debit account of its first transfer; null
    /// when that account never coordinated it.</summary>
    /// <param name="account">The coordinator.</param>
    /// <param name="id">The transaction's id; a transfer that stood alone is found by its own.</param>
    /// <param name="timeout">How long to wait while it is in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Opens accounts and posts transfers in one request, in order: each item sees what those before it did
    /// that touch the same accounts or ids. Items that are linked form a chain that happens all or not at all; a chain
    /// ends with the first item that is not linked. Each transfer must name its asset.</summary>
    /// <param name="items">From 1 to <see cref="LedgerLimits.BatchMax"/> items.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <returns>What became of each item, in order.</returns>
    /// <exception cref="LedgerException">The request is invalid, or the outcome of at least one item is
    /// unknown.</exception>
    Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Changes an account: what the five methods after this one do. Setting what is set already changes
    /// nothing.</summary>
    /// <param name="account">The account.</param>
    /// <param name="change">The change.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default);

    /// <summary>Freezes an account, or replaces the freeze that it has.</summary>
    /// <param name="account">The account.</param>
    /// <param name="freeze">What is to be refused, debits, credits or both, and why.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> FreezeAccountAsync(
        AccountAddress account, AccountFreeze freeze, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        ChangeAccountAsync(account, new FreezeAccount(freeze), timeout, cancellationToken);

    /// <summary>Ends the freeze of an account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="reason">Why, at most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> UnfreezeAccountAsync(
        AccountAddress account, string reason = "", TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        ChangeAccountAsync(account, new UnfreezeAccount(reason), timeout, cancellationToken);

    /// <summary>Closes an account, whatever its balance: it takes no transfer but the void and the expiry of its
    /// holds.</summary>
    /// <param name="account">The account.</param>
    /// <param name="reason">Why, at most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> CloseAccountAsync(
        AccountAddress account, string reason = "", TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        ChangeAccountAsync(account, new CloseAccount(reason), timeout, cancellationToken);

    /// <summary>Opens a closed account again.</summary>
    /// <param name="account">The account.</param>
    /// <param name="reason">Why, at most <see cref="LedgerLimits.ReasonLengthMax"/> characters.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> ReopenAccountAsync(
        AccountAddress account, string reason = "", TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        ChangeAccountAsync(account, new ReopenAccount(reason), timeout, cancellationToken);

    /// <summary>Sets both limits of an account: a limit that is null is taken away. At most one can be given.</summary>
    /// <param name="account">The account.</param>
    /// <param name="debitsMustNotExceedCredits">See <see cref="AccountSpec.DebitsMustNotExceedCredits"/>.</param>
    /// <param name="creditsMustNotExceedDebits">See <see cref="AccountSpec.CreditsMustNotExceedDebits"/>.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> SetAccountLimitsAsync(
        AccountAddress account, Amount? debitsMustNotExceedCredits, Amount? creditsMustNotExceedDebits,
        TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        ChangeAccountAsync(
            account, new SetAccountLimits(debitsMustNotExceedCredits, creditsMustNotExceedDebits), timeout,
            cancellationToken);

    /// <summary>Sets the time at which a live hold expires: later, or earlier. Idempotent.</summary>
    /// <param name="request">Which hold, and when.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Takes back a posted transfer or transaction by the opposite one, linked to it. A transfer can be taken
    /// back up to its amount: at once, or in parts. Idempotent by the id of the correction.</summary>
    /// <param name="request">What to take back.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts or voids all holds of a transaction, as one transaction. Idempotent by the id of the new
    /// one.</summary>
    /// <param name="request">Which transaction, and what to do.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a page of an account's statement from its own journal; null when the account does not
    /// exist.</summary>
    /// <param name="query">Which entries.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now, or the query is invalid.</exception>
    Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Lists accounts, each as of its own moment, in the store's own order. Where something is in doubt on one
    /// of them, its <see cref="Account.Doubt"/> says what, and its counters are not final.</summary>
    /// <param name="after">The page's <see cref="AccountPage.Next"/> of before, or null for the first page.</param>
    /// <param name="pageSize">How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now.</exception>
    Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
}
