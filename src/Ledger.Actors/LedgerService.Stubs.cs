using Ledger.Core;

namespace Ledger.Actors;

internal sealed partial class LedgerService
{
    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<TransactionResult> ReverseAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();
}
