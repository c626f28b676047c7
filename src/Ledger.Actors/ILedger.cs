using Ledger.Core;

namespace Ledger.Actors;

/// <summary>The ledger, in process. Thread-safe. Obtained from dependency injection after <c>WithLedger(...)</c>.</summary>
/// <remarks>
/// A call has three outcomes. It returns: the outcome of every item is in its result, and a rejection is a result. It
/// throws <see cref="LedgerException"/> with <see cref="LedgerException.OutcomeUnknown"/> false: nothing was applied.
/// It throws with <see cref="LedgerException.OutcomeUnknown"/> true, or <see cref="OperationCanceledException"/>: the
/// outcome is unknown; send the same ids with the same content again.
/// A <c>timeout</c> of null means <see cref="LedgerOptions.CallTimeout"/>.
/// </remarks>
public interface ILedger
{
    /// <summary>The same ledger, in the name of somebody: what is written through it says who asked. Cheap; may be called for each
    /// request.</summary>
    /// <param name="principal">Who asks, such as a user or a service: at most <see cref="Principals.BytesMax"/> bytes of UTF-8,
    /// without control characters, and not beginning with <see cref="Principals.ReservedPrefix"/>; empty for nobody. It is no part of
    /// what is asked for: the same id asked for again by another is the same request, and its first principal stays.</param>
    /// <exception cref="LedgerException">The principal is none; its field is <c>principal</c>.</exception>
    ILedger WithCaller(string principal);

    /// <summary>The same ledger, whose posts are answered with their accounts as they are right after: see
    /// <see cref="TransferResult.DebitAfter"/> and <see cref="TransactionResult.After"/>. At most
    /// <see cref="LedgerLimits.ReturnedBalancesMax"/> transfers or legs in one request. It costs no row and no message; an answer waits for
    /// what its first account is writing at the moment.</summary>
    ILedger ReturningBalances();

    /// <summary>The opaque text of a position that a write was answered with, as the API tells it: it names the ledger's epoch too, and
    /// is told from a text that this ledger has not made. Empty for none.</summary>
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

    /// <summary>Posts transfers, each on its own and in no promised order. Results come in the order of the request.</summary>
    /// <param name="transfers">From 1 to <see cref="LedgerLimits.BatchMax"/> transfers.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or the outcome of at least one transfer is unknown.</exception>
    Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads an account, linearizably; null when it does not exist.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now; with <see cref="LedgerErrorReason.AccountInDoubt"/> because
    /// transactions are in doubt on it, for which the read has waited up to a second.</exception>
    Task<AccountView?> GetAccountAsync(
        AccountAddress address, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        GetAccountAsync(new AccountQuery(address), timeout, cancellationToken);

    /// <summary>Reads an account; null when it does not exist.</summary>
    /// <param name="query">Which one, and whether an answer is wanted that is not firm.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now; see <see cref="AccountQuery.AllowInDoubt"/>.</exception>
    Task<AccountView?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Looks a transfer up in the memory of one of its accounts; null when the account never took part in it. Without an account
    /// that is never said of what was merely forgotten: it fails with <see cref="LedgerErrorReason.TransferNotRemembered"/>.</summary>
    /// <param name="account">The transfer's debit or credit account; none when the caller does not know it. A hold is then
    /// found by the hold index, however old; another transfer only by this node's memory of recent ids.</param>
    /// <param name="id">The transfer's id.</param>
    /// <param name="timeout">How long to wait while it is in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts a transaction: all of its legs or none. Idempotent by its id: the retry of one that was committed returns
    /// its original results, that of one that was rejected the original reason.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Looks a transaction up in the memory of its coordinator, the debit account of its first transfer; null when that
    /// account never coordinated it.</summary>
    /// <param name="account">The coordinator.</param>
    /// <param name="id">The transaction's id; a transfer that stood alone is found by its own.</param>
    /// <param name="timeout">How long to wait while it is in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Opens accounts and posts transfers in one request, in order: each item sees what those before it did that
    /// touch the same accounts or ids. Items that are linked form a chain that happens all or not at all; a chain ends with
    /// the first item that is not linked. Each transfer must name its asset.</summary>
    /// <param name="items">From 1 to <see cref="LedgerLimits.BatchMax"/> items.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <returns>What became of each item, in order.</returns>
    /// <exception cref="LedgerException">The request is invalid, or the outcome of at least one item is unknown.</exception>
    Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Changes an account: freeze, close, limits. Setting what is set already changes nothing.</summary>
    /// <param name="account">The account.</param>
    /// <param name="change">The change.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default);

    /// <summary>Sets the time at which a live hold expires: later, or earlier. Idempotent.</summary>
    /// <param name="request">Which hold, and when.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Takes back a posted transfer or transaction by the opposite one, linked to it. A transfer can be taken back up
    /// to its amount: at once, or in parts. Idempotent by the id of the correction.</summary>
    /// <param name="request">What to take back.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Posts or voids all holds of a transaction, as one transaction. Idempotent by the id of the new one.</summary>
    /// <param name="request">Which transaction, and what to do.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may still be applied.</param>
    /// <exception cref="LedgerException">The request is invalid, or its outcome is unknown.</exception>
    Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a page of an account's statement from its own journal; null when the account does not exist.</summary>
    /// <param name="query">Which entries.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now, or the query is invalid.</exception>
    Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Lists accounts, each as of its own moment, in the store's own order. Where something is in doubt on one of them,
    /// its <see cref="AccountView.Doubt"/> says what, and its counters are not final.</summary>
    /// <param name="after">The page's <see cref="AccountPage.Next"/> of before, or null for the first page.</param>
    /// <param name="limit">How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now.</exception>
    Task<AccountPage> ListAccountsAsync(
        string? after, int limit, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
}

/// <summary>One item of <see cref="ILedger.SubmitBatchAsync"/>. Immutable.</summary>
/// <param name="Leg">What to do.</param>
/// <param name="Linked">Whether the next item belongs to the same chain.</param>
public sealed record BatchItem(TransactionLeg Leg, bool Linked = false);

/// <summary>What became of one item of a batch. Immutable.</summary>
/// <param name="Transfer">For a transfer.</param>
/// <param name="Opening">For an opening.</param>
public sealed record BatchItemResult(TransferResult? Transfer, OpenAccountResult? Opening);

/// <summary>Asks for another deadline of a hold. Immutable.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Deadline">When it is to expire; in the future.</param>
public sealed record ExtendHold(TransferId HoldId, LedgerTime Deadline)
{
    /// <summary>The hold's debit account; none when the caller does not know it.</summary>
    public AccountAddress Account { get; init; }
}

/// <summary>What became of an extension. Immutable.</summary>
/// <param name="HoldId">The hold.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/> when it was set, <see cref="TransferStatus.Exists"/> when it was so
/// already, or why not.</param>
/// <param name="Deadline">When the hold expires; null when it does not, or is not there.</param>
public sealed record ExtendHoldResult(TransferId HoldId, TransferStatus Status, LedgerTime? Deadline)
{
    /// <summary>The row that holds it, where this request wrote it; else none.</summary>
    public RowPosition Position { get; init; }
}

/// <summary>Asks to take back a transfer or a transaction. Immutable.</summary>
/// <param name="Id">The id of the correction, made by the client.</param>
/// <param name="Account">The debit account of the original, or of its first transfer; none when the caller does not know it.</param>
/// <param name="OriginalId">The id of the transfer or transaction to take back.</param>
/// <param name="Reason">Why; not empty.</param>
public sealed record Reversal(TransferId Id, AccountAddress Account, TransferId OriginalId, string Reason)
{
    /// <summary>For a single transfer: how much of it to take back; null for all that is left.</summary>
    public Amount? Amount { get; init; }

    /// <summary>The caller's own code; 0 for that of the original.</summary>
    public uint Code { get; init; }

    /// <summary>The caller's own reference.</summary>
    public string Reference { get; init; } = "";

    /// <summary>When the correction counts from a business point of view; null for when it is committed. It is not the
    /// original's.</summary>
    public LedgerTime? EffectiveTime { get; init; }
}

/// <summary>Asks to post or to void all holds of a transaction. Immutable.</summary>
/// <param name="Id">The id of the new transaction, made by the client.</param>
/// <param name="Account">The coordinator of the transaction that made the holds.</param>
/// <param name="TransactionId">Its id.</param>
/// <param name="Post">Whether to post them; else they are voided.</param>
public sealed record TransactionResolution(TransferId Id, AccountAddress Account, TransferId TransactionId, bool Post)
{
    /// <summary>When the posts or voids count from a business point of view; null for when they are committed.</summary>
    public LedgerTime? EffectiveTime { get; init; }
}

/// <summary>Which entries of a statement to read. Immutable.</summary>
/// <param name="Account">The account.</param>
public sealed record StatementQuery(AccountAddress Account)
{
    /// <summary>How many entries at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>. The default value is 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>Whether the newest entry comes first. The default value is false.</summary>
    public bool NewestFirst { get; init; }

    /// <summary>The number of the first entry to include. The default value is 1.</summary>
    public ulong MinSequence { get; init; } = 1;

    /// <summary>The number of the last entry to include. The default value is the largest.</summary>
    public ulong MaxSequence { get; init; } = ulong.MaxValue;

    /// <summary>Entries booked at this time or later; null for no bound.</summary>
    public LedgerTime? StartTime { get; init; }

    /// <summary>Entries booked before this time; null for no bound.</summary>
    public LedgerTime? EndTime { get; init; }
}

/// <summary>A page of a statement. Immutable.</summary>
/// <param name="Entries">The entries, in the order that was asked for.</param>
/// <param name="NextSequence">The number of the entry that the next page begins with (as its minimum, or its maximum
/// when the newest comes first), or null when this page is the last.</param>
public sealed record StatementPage(IReadOnlyList<StatementEntry> Entries, ulong? NextSequence)
{
    /// <summary>When something is in doubt although the read has waited for it: everything that the account prepared at this
    /// time or earlier is decided and booked, and what it prepared later may be missing and be booked later. Null when nothing
    /// was in doubt that was prepared before the read: then the statement is complete as of the read.</summary>
    public LedgerTime? CompleteUpTo { get; init; }

    /// <summary>The ledger's epoch in which the page was read. After a loss of commits another one begins, and a page of
    /// before may show what is no more.</summary>
    public long Epoch { get; init; }
}

/// <summary>A page of accounts. Immutable.</summary>
/// <param name="Accounts">The accounts; there may be fewer than asked for, even none.</param>
/// <param name="Next">Asks for the next page, or null when this one is the last.</param>
public sealed record AccountPage(IReadOnlyList<AccountView> Accounts, string? Next)
{
    /// <summary>The ledger's epoch in which the page was read. After a loss of commits another one begins, and a page of
    /// before may show what is no more.</summary>
    public long Epoch { get; init; }
}

/// <summary>Why a call of <see cref="ILedger"/> failed as a whole. The names are part of the contract.</summary>
public enum LedgerErrorReason
{
    /// <summary>The request breaks a rule of its form; nothing was applied.</summary>
    InvalidArgument,

    /// <summary>The request holds no item; nothing was applied.</summary>
    EmptyBatch,

    /// <summary>The request holds too many items; nothing was applied.</summary>
    BatchTooLarge,

    /// <summary>The reference is too long; nothing was applied.</summary>
    ReferenceTooLong,

    /// <summary>The metadata breaks its limits; nothing was applied.</summary>
    MetadataTooLarge,

    /// <summary>There is nothing of that id to work on; nothing was applied.</summary>
    NotFound,

    /// <summary>The deadline had passed before anything was done; nothing was applied by this call.</summary>
    DeadlineExpired,

    /// <summary>The account, or the node, has too much to do; nothing was applied by this call. Retry after a pause.</summary>
    Overloaded,

    /// <summary>No answer came within the deadline. The outcome is unknown.</summary>
    DeadlineExceeded,

    /// <summary>The journal could not confirm the write. The outcome is unknown.</summary>
    JournalUnavailable,

    /// <summary>The account could not be reached, or was moving. The outcome is unknown.</summary>
    Unavailable,

    /// <summary>What was asked depends on transactions that are in doubt, or too many are in doubt on the account. Nothing was
    /// applied, and no id was used. Retry after a pause.</summary>
    AccountInDoubt = 16,

    /// <summary>Another account of the transaction has left too many others unanswered. Nothing was applied, and no id was
    /// used. Retry after a pause.</summary>
    CounterpartyUnavailable = 17,

    /// <summary>The transaction has more bytes than a transaction may have, with what it opens and inherits; nothing was applied, and
    /// the same is refused again. Split it.</summary>
    TransactionTooLarge = 20,

    /// <summary>The request is larger than what nodes send each other; nothing was applied, and the same is refused again.</summary>
    MessageTooLarge = 21,

    /// <summary>The answer is larger than what nodes send each other. The outcome is unknown, and is found out by reading.</summary>
    AnswerTooLarge = 22,

    /// <summary>The node does not remember by itself which account a transfer is of, which says nothing about whether there is one:
    /// name one of its accounts. Nothing was applied.</summary>
    TransferNotRemembered = 24,

    /// <summary>The account could not decide it, by a defect of the ledger. Nothing was applied by this call; the same again will
    /// mostly fail again.</summary>
    DecisionFailed = 32,

    /// <summary>The account has nothing of that id in doubt. Nothing was applied.</summary>
    NotInDoubt = 48,

    /// <summary>Whether the last agent has decided can't be told, or it goes on writing: nothing was applied, and the
    /// transaction stays in doubt.</summary>
    VerdictRefused = 49,

    /// <summary>This process does not serve: its database has lost rows that it had acknowledged, or no longer keeps what it
    /// confirms, and an operator must act. Nothing was applied by this call; earlier ones may have been.</summary>
    LedgerHalted = 40,

    /// <summary>This process has lost its lease and ends: other nodes have its accounts. Nothing was
    /// applied by this call; earlier ones may have been. Send it to another node.</summary>
    LeaseLost = 41,
}

/// <summary>A call of <see cref="ILedger"/> that failed as a whole.</summary>
public sealed class LedgerException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="message">What happened, for people; holds no internals.</param>
    /// <param name="field">The field of the request that is at fault, such as <c>transfers[3].metadata</c>, or null.</param>
    public LedgerException(LedgerErrorReason reason, string message, string? field = null)
        : base(message)
    {
        Reason = reason;
        Field = field;
    }

    /// <summary>The reason.</summary>
    public LedgerErrorReason Reason { get; }

    /// <summary>The field of the request that is at fault, or null.</summary>
    public string? Field { get; }

    /// <summary>For what is too large: how many bytes it has, at most; else null.</summary>
    public long? Size { get; init; }

    /// <summary>For what is too large: how many bytes it may have; else null.</summary>
    public long? Limit { get; init; }

    /// <summary>Whether what was asked for may have been applied. If so, send the same ids again.</summary>
    public bool OutcomeUnknown => Reason is LedgerErrorReason.DeadlineExceeded
        or LedgerErrorReason.JournalUnavailable or LedgerErrorReason.Unavailable or LedgerErrorReason.AnswerTooLarge;
}
