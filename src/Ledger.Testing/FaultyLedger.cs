namespace Ledger.Testing;

/// <summary>The ledger of a test, whose calls fail where the test says so.</summary>
internal sealed class FaultyLedger(Func<ILedger> inner, CallFaults faults) : ILedger
{
    public ILedger WithCaller(string principal)
    {
        // Asked at once: a principal that is none is refused here.
        _ = inner().WithCaller(principal);
        return new FaultyLedger(() => inner().WithCaller(principal), faults);
    }

    public ILedger ReturningBalances() => new FaultyLedger(() => inner().ReturningBalances(), faults);

    public string PositionOf(RowPosition position) => inner().PositionOf(position);

    public Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().OpenAccountsAsync(accounts, timeout, cancellationToken));

    public Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().PostTransferAsync(transfer, timeout, cancellationToken));

    public Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().PostTransfersAsync(transfers, timeout, cancellationToken));

    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().GetAccountAsync(query, timeout, cancellationToken), isRead: true);

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().GetTransferAsync(account, id, timeout, cancellationToken), isRead: true);

    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().PostTransactionAsync(transaction, timeout, cancellationToken));

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().GetTransactionAsync(account, id, timeout, cancellationToken), isRead: true);

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().SubmitBatchAsync(items, timeout, cancellationToken));

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ChangeAccountAsync(account, change, timeout, cancellationToken));

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ExtendHoldAsync(request, timeout, cancellationToken));

    public Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ReverseTransactionAsync(request, timeout, cancellationToken));

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ResolveTransactionAsync(request, timeout, cancellationToken));

    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ListStatementAsync(query, timeout, cancellationToken), isRead: true);

    public Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        faults.RunAsync(() => inner().ListAccountsAsync(after, pageSize, timeout, cancellationToken), isRead: true);
}
