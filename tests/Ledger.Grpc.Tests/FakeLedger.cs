using System.Collections.Concurrent;

namespace Ledger.Grpc.Tests;

/// <summary>An ILedger that records its calls and answers as it is told.</summary>
internal sealed class FakeLedger : ILedger, ILedgerAdmin, ILedgerQueries
{
    public TransferSearchPage Found { get; set; } = new([], null);

    public AccountSearchPage FoundAccounts { get; set; } = new([], null);

    public HoldPage? Holds { get; set; }

    public Task<TransferSearchPage> SearchTransfersAsync(
        TransferSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("SearchTransfers", search, timeout);
        return Task.FromResult(Found);
    }

    public Task<AccountSearchPage> SearchAccountsAsync(
        AccountSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("SearchAccounts", search, timeout);
        return Task.FromResult(FoundAccounts);
    }

    public Task<HoldPage?> ListHoldsAsync(
        HoldQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ListHolds", query, timeout);
        return Task.FromResult(Holds);
    }

    public Task<IReadOnlyList<Account?>> GetAccountsAsync(
        IReadOnlyList<AccountAddress> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetAccounts", accounts, timeout);
        return Task.FromResult<IReadOnlyList<Account?>>(
            [.. accounts.Select(account => Account?.Spec.Address == account ? Account : null)]);
    }

    public Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyList<TransferKey> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetTransfers", transfers, timeout);
        return Task.FromResult<IReadOnlyList<TransferRecord?>>(
            [.. transfers.Select(key => Record?.Transfer.Id == key.Id ? Record : null)]);
    }

    public InDoubtPage InDoubt { get; set; } = new([], null);

    public Task<InDoubtPage> ListInDoubtAsync(
        string? after, int pageSize, CancellationToken cancellationToken = default)
    {
        Note("ListInDoubt", (after, pageSize), null);
        return Task.FromResult(InDoubt);
    }

    public InDoubtResolution Resolution { get; set; } = new(
        false, InDoubtDecision.Operator, AccountAddress.Parse("a"), AccountAddress.Parse("b"),
        new RowPosition(AccountAddress.Parse("b"), 9), IsBooked: true);

    public Task<InDoubtResolution> ResolveInDoubtAsync(
        InDoubtVerdict verdict, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ResolveInDoubt", verdict, timeout);
        return Task.FromResult(Resolution);
    }

    public ConcurrentQueue<Call> Calls { get; } = new();

    /// <summary>What each transfer is answered; by default it is created.</summary>
    public Func<Transfer, CancellationToken, Task<TransferResult>> OnTransfer { get; set; } =
        static (transfer, _) => Task.FromResult(Created(transfer));

    /// <summary>Thrown by every call, when set.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Whether batches are answered one result short.</summary>
    public bool DropLastResult { get; set; }

    public Account? Account { get; set; }

    /// <summary>Answers the reads of accounts instead, when set.</summary>
    public Func<CancellationToken, Task<Account?>>? OnGetAccount { get; set; }

    public TransferRecord? Record { get; set; }

    public StatementPage? Statement { get; set; } = new([], null);

    public AccountPage Accounts { get; set; } = new([], null);

    /// <summary>What each transaction is answered, whoever asks for it; by default it is created.</summary>
    public Func<Transaction, TransactionResult> OnTransaction { get; set; } = static transaction =>
        new TransactionResult(
        transaction.Id, TransferStatus.Created, -1, Now, false, null,
        [
            .. transaction.Legs.Select(static leg => leg.Transfer is { } transfer
                ? new LegResult(TransferStatus.Created, AccountStatus.None, transfer.Amount)
                : new LegResult(TransferStatus.None, AccountStatus.Created, default)),
        ]);

    public TransactionRecord? TransactionRecord { get; set; }

    public AccountChangeResult Change { get; set; } = new(AccountStatus.Changed, null);

    public ExtendHoldResult? Extension { get; set; }

    /// <summary>What each item of a batch is answered; by default what an own request would be.</summary>
    public Func<BatchItem, BatchItemResult> OnItem { get; set; } = static item => item.Leg.Transfer is { } transfer
        ? new BatchItemResult(Created(transfer), null)
        : new BatchItemResult(null, new OpenAccountResult(item.Leg.Opening!.Address, AccountStatus.Created, Now));

    public static readonly LedgerTime Now = new(1_700_000_000_123_456);

    public static TransferResult Created(Transfer transfer) =>
        new(transfer.Id, transfer.Id.IsNil ? TransferStatus.IdMustNotBeZero : TransferStatus.Created, Now, false, null);

    /// <summary>In whose names something was asked for.</summary>
    public ConcurrentQueue<string> Principals { get; } = new();

    /// <summary>How often balances were asked for.</summary>
    public int ReturningBalancesCount { get; private set; }

    public ILedger ReturningBalances()
    {
        ReturningBalancesCount++;
        return this;
    }

    public string PositionOf(RowPosition position) =>
        position.IsNone ? "" : $"{position.Account}/{position.SequenceNr}";

    public ILedger WithCaller(string principal)
    {
        Principals.Enqueue(principal);
        return this;
    }

    public async Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("OpenAccounts", accounts, timeout);
        await Task.Yield();
        return [.. accounts.Select(a => new OpenAccountResult(a.Address, AccountStatus.Created, Now))];
    }

    public Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("PostTransfer", transfer, timeout);
        return OnTransfer(transfer, cancellationToken);
    }

    public async Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("PostTransfers", transfers, timeout);
        var results = new List<TransferResult>();
        foreach (var transfer in transfers)
        {
            results.Add(await OnTransfer(transfer, cancellationToken));
        }

        if (DropLastResult)
        {
            results.RemoveAt(results.Count - 1);
        }

        return results;
    }

    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetAccount", query.Account, timeout);
        return OnGetAccount?.Invoke(cancellationToken) ?? Task.FromResult(Account);
    }

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetTransfer", (account, id), timeout);
        return Task.FromResult(Record);
    }

    public Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("PostTransaction", transaction, timeout);
        return Task.FromResult(OnTransaction(transaction));
    }

    public Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetTransaction", (account, id), timeout);
        return Task.FromResult(TransactionRecord);
    }

    public Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("SubmitBatch", items, timeout);
        return Task.FromResult<IReadOnlyList<BatchItemResult>>(
            [.. items.Select(OnItem).Take(DropLastResult ? items.Count - 1 : items.Count)]);
    }

    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        Note("ChangeAccount", (account, change), timeout);
        return Task.FromResult(Change);
    }

    public Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ExtendHold", request, timeout);
        return Task.FromResult(
            Extension ?? new ExtendHoldResult(request.HoldId, TransferStatus.Created, request.Deadline));
    }

    public Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("Reverse", request, timeout);
        return Task.FromResult(OnTransaction(new Transaction(request.Id, [])));
    }

    public Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ResolveTransaction", request, timeout);
        return Task.FromResult(OnTransaction(new Transaction(request.Id, [])));
    }

    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetStatement", query, timeout);
        return Task.FromResult(Statement);
    }

    public Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ListAccounts", (after, pageSize), timeout);
        return Task.FromResult(Accounts);
    }

    private void Note(string method, object argument, TimeSpan? timeout)
    {
        Calls.Enqueue(new Call(method, argument, timeout));
        if (Failure is { } failure)
        {
            throw failure;
        }
    }

    internal sealed record Call(string Method, object Argument, TimeSpan? Timeout);
}
