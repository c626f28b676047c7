using Ledger.Access;

namespace Ledger.Grpc.Access;

/// <summary>An <see cref="ILedger"/> that takes what a call asks for from its principal's rate, before anything is
/// done.</summary>
internal sealed class RateLimitedLedger(ILedger inner, string principal, IAccessPolicySource policies, CallRates rates)
    : ILedger
{
    /// <summary>How many rows of a page are as much as one call.</summary>
    internal const int PageShare = 100;

    public ILedger WithCaller(string other) => new RateLimitedLedger(inner.WithCaller(other), other, policies, rates);

    public ILedger ReturningBalances() => new RateLimitedLedger(inner.ReturningBalances(), principal, policies, rates);

    public string PositionOf(RowPosition position) => inner.PositionOf(position);

    public Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(accounts.Count).OpenAccountsAsync(accounts, timeout, cancellationToken);

    public Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1).PostTransferAsync(transfer, timeout, cancellationToken);

    public Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(transfers.Count).PostTransfersAsync(transfers, timeout, cancellationToken);

    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1).GetAccountAsync(query, timeout, cancellationToken);

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Taking(1).GetTransferAsync(account, id, timeout, cancellationToken);

    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(transaction.Legs.Length).PostTransactionAsync(transaction, timeout, cancellationToken);

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Taking(1).GetTransactionAsync(account, id, timeout, cancellationToken);

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(items.Count).SubmitBatchAsync(items, timeout, cancellationToken);

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Taking(1).ChangeAccountAsync(account, change, timeout, cancellationToken);

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1).ExtendHoldAsync(request, timeout, cancellationToken);

    public Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1).ReverseTransactionAsync(request, timeout, cancellationToken);

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1).ResolveTransactionAsync(request, timeout, cancellationToken);

    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1 + (query.PageSize / PageShare)).ListStatementAsync(query, timeout, cancellationToken);

    public Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Taking(1 + (pageSize / PageShare)).ListAccountsAsync(after, pageSize, timeout, cancellationToken);

    private ILedger Taking(int work)
    {
        if (policies.Current.RateOf(principal) is { } rate)
        {
            // What is empty is refused by the ledger.
            rates.Take(principal, rate, Math.Max(work, 1));
        }

        return inner;
    }
}
