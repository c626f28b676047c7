using System.Collections.Concurrent;
using Ledger.Actors;
using Ledger.Core;

namespace Ledger.Grpc.Tests;

/// <summary>An ILedger that records its calls and answers as it is told.</summary>
internal sealed class FakeLedger : ILedger
{
    public ConcurrentQueue<Call> Calls { get; } = new();

    /// <summary>What each transfer is answered; by default it is created.</summary>
    public Func<Transfer, CancellationToken, Task<TransferResult>> OnTransfer { get; set; } =
        static (transfer, _) => Task.FromResult(Created(transfer));

    /// <summary>Thrown by every call, when set.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Whether batches are answered one result short.</summary>
    public bool DropLastResult { get; set; }

    public AccountView? Account { get; set; }

    public TransferRecord? Record { get; set; }

    public StatementPage? Statement { get; set; } = new([], null);

    public AccountPage Accounts { get; set; } = new([], null);

    public static readonly LedgerTime Now = new(1_700_000_000_123_456);

    public static TransferResult Created(Transfer transfer) =>
        new(transfer.Id, transfer.Id.IsNil ? TransferStatus.IdMustNotBeZero : TransferStatus.Created, Now, false, null);

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

    public Task<AccountView?> GetAccountAsync(
        AccountAddress address, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetAccount", address, timeout);
        return Task.FromResult(Account);
    }

    public Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetTransfer", (account, id), timeout);
        return Task.FromResult(Record);
    }

    public Task<StatementPage?> GetStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("GetStatement", query, timeout);
        return Task.FromResult(Statement);
    }

    public Task<AccountPage> ListAccountsAsync(
        string? after, int limit, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Note("ListAccounts", (after, limit), timeout);
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
