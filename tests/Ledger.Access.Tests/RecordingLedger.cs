namespace Ledger.Access.Tests;

/// <summary>A ledger that does whatever it is asked, and counts it. What is not asked of it here throws.</summary>
internal sealed class RecordingLedger(Dictionary<TransferId, Transfer> holds) : ILedger
{
    /// <summary>How many writes came through.</summary>
    public int Writes { get; private set; }

    public string? Caller { get; private set; }

    public ILedger WithCaller(string principal)
    {
        Caller = principal;
        return this;
    }

    public ILedger ReturningBalances() => this;

    public string PositionOf(RowPosition position) => "";

    public Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult<IReadOnlyList<OpenAccountResult>>(
            [.. accounts.Select(static one => new OpenAccountResult(one.Address, AccountStatus.Created, default))]);
    }

    public Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult(Created(transfer));
    }

    public Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult<IReadOnlyList<TransferResult>>([.. transfers.Select(Created)]);
    }

    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Task.FromResult<Account?>(null);

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Task.FromResult(holds.TryGetValue(id, out var hold) && (account.IsNone || account == hold.DebitAccount)
            ? new TransferRecord(hold, TransferStatus.Created, default, null) { Amount = hold.Amount }
            : null);

    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult(
            new TransactionResult(transaction.Id, TransferStatus.Created, -1, default, false, null, []));
    }

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult<IReadOnlyList<BatchItemResult>>(
            [.. items.Select(
                static one => new BatchItemResult(one.Leg.Transfer is { } transfer ? Created(transfer) : null, null))]);
    }

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult<AccountChangeResult>(null!);
    }

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Writes++;
        return Task.FromResult(new ExtendHoldResult(request.HoldId, TransferStatus.Created, request.Deadline));
    }

    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Task.FromResult<StatementPage?>(null);

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    private static TransferResult Created(Transfer transfer) =>
        new(transfer.Id, TransferStatus.Created, default, false, null) { Amount = transfer.Amount };
}
