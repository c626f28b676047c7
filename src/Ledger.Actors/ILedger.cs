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
    /// <param name="timeout">How long to wait for transactions that are in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<AccountView?> GetAccountAsync(
        AccountAddress address, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Looks a transfer up in the memory of one of its accounts; null when the account never took part in it.</summary>
    /// <param name="account">The transfer's debit or credit account.</param>
    /// <param name="id">The transfer's id.</param>
    /// <param name="timeout">How long to wait while it is in doubt.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now.</exception>
    Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a page of an account's statement from its own journal; null when the account does not exist.</summary>
    /// <param name="query">Which entries.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">It can't be read now, or the query is invalid.</exception>
    Task<StatementPage?> GetStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Lists accounts, each as of its own moment, in the store's own order.</summary>
    /// <param name="after">The page's <see cref="AccountPage.Next"/> of before, or null for the first page.</param>
    /// <param name="limit">How many at most, 1 to <see cref="LedgerLimits.PageSizeMax"/>.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="LedgerException">They can't be read now.</exception>
    Task<AccountPage> ListAccountsAsync(
        string? after, int limit, TimeSpan? timeout = null, CancellationToken cancellationToken = default);
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
public sealed record StatementPage(IReadOnlyList<StatementEntry> Entries, ulong? NextSequence);

/// <summary>A page of accounts. Immutable.</summary>
/// <param name="Accounts">The accounts; there may be fewer than asked for, even none.</param>
/// <param name="Next">Asks for the next page, or null when this one is the last.</param>
public sealed record AccountPage(IReadOnlyList<AccountView> Accounts, string? Next);

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

    /// <summary>Whether what was asked for may have been applied. If so, send the same ids again.</summary>
    public bool OutcomeUnknown => Reason is LedgerErrorReason.DeadlineExceeded
        or LedgerErrorReason.JournalUnavailable or LedgerErrorReason.Unavailable;
}
