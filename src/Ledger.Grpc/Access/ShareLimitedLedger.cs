using Ledger.Access;

namespace Ledger.Grpc.Access;

/// <summary>An <see cref="ILedger"/> of which its principal has half at most, so that it never starves others, and no
/// more accounts in a day than its policy says.</summary>
internal sealed class ShareLimitedLedger(ILedger inner, string principal, IAccessPolicySource policies, CallerUses uses)
    : ILedger
{
    private const int SidesOfTransfer = 2;

    private readonly CallerUse use = uses.Of(principal);

    public ILedger WithCaller(string other) => new ShareLimitedLedger(inner.WithCaller(other), other, policies, uses);

    public ILedger ReturningBalances() => new ShareLimitedLedger(inner.ReturningBalances(), principal, policies, uses);

    public string PositionOf(RowPosition position) => inner.PositionOf(position);

    public Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(
            accounts.Count, accounts.Count, () => inner.OpenAccountsAsync(accounts, timeout, cancellationToken));

    public Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, OpenedBy(transfer), () => inner.PostTransferAsync(transfer, timeout, cancellationToken));

    public Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(
            transfers.Count, transfers.Sum(static one => OpenedBy(one)), () =>
                inner.PostTransfersAsync(transfers, timeout, cancellationToken));

    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.GetAccountAsync(query, timeout, cancellationToken));

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.GetTransferAsync(account, id, timeout, cancellationToken));

    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(
            transaction.Legs.Length, transaction.Legs.Sum(static leg => OpenedBy(leg)),
            () => inner.PostTransactionAsync(transaction, timeout, cancellationToken));

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.GetTransactionAsync(account, id, timeout, cancellationToken));

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(
            items.Count, items.Sum(static item => OpenedBy(item.Leg)),
            () => inner.SubmitBatchAsync(items, timeout, cancellationToken));

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ChangeAccountAsync(account, change, timeout, cancellationToken));

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ExtendHoldAsync(request, timeout, cancellationToken));

    public Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ReverseTransactionAsync(request, timeout, cancellationToken));

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ResolveTransactionAsync(request, timeout, cancellationToken));

    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ListStatementAsync(query, timeout, cancellationToken));

    public Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        HoldingAsync(1, 0, () => inner.ListAccountsAsync(after, pageSize, timeout, cancellationToken));

    private static int OpenedBy(TransactionLeg leg) => leg.Transfer is { } transfer ? OpenedBy(transfer) : 1;

    private static int OpenedBy(Transfer transfer) =>
        transfer.OpenAccounts ? SidesOfTransfer : 0;

    private async Task<T> HoldingAsync<T>(int items, int accounts, Func<Task<T>> call)
    {
        if (policies.Current.ShareOf(principal) is { } share && (accounts > 0 || share.BytesPerDay is not null))
        {
            use.TakeAccounts(share, accounts);
        }

        use.TakeItems(items);
        try
        {
            return await call();
        }
        finally
        {
            use.ReturnItems(items);
        }
    }
}
