using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Net.Client;
using Ledger.Client.Sharing;

namespace Ledger.Client;

/// <summary>A typed client of the ledger: opens accounts, moves money and reads, over gRPC.</summary>
/// <remarks>
/// <para>Thread-safe; make one and share it. Every method throws <see cref="LedgerClientException"/> when the call
/// fails as a whole, and <see cref="OperationCanceledException"/> when the caller's token is cancelled; after the
/// latter the outcome of a write is unknown.</para>
/// <para>A call that fails with <c>UNAVAILABLE</c>, or whose connection breaks, is sent again, jittered, up to
/// <see cref="LedgerClientOptions.MaxAttempts"/> attempts within its timeout; this is safe, since it carries its id.
/// A change without an id (freeze, unfreeze, close, reopen, limits, a hold's deadline) is sent again only where it
/// was never sent: a late copy could undo what somebody else has changed since. A call that the ledger had no room
/// for is sent again after the pause that it asks for, for as long as one timeout.</para>
/// <para>Single transfers and small reads can share streams; see
/// <see cref="LedgerClientOptions.UseSharedStreams"/>.</para>
/// </remarks>
public sealed partial class LedgerClient : IAsyncDisposable, IDisposable
{
    /// <summary>How many accounts or transfers one request may hold.</summary>
    public const int BatchMax = 8_190;

    private readonly LedgerClientOptions options;
    private readonly GrpcChannel? owned;
    private readonly SharedStreams? streams;
    private readonly V1.AccountService.AccountServiceClient accounts;
    private readonly V1.TransferService.TransferServiceClient transfers;
    private readonly V1.TransactionService.TransactionServiceClient transactions;
    private readonly V1.AdminService.AdminServiceClient admin;
    private readonly V1.QueryService.QueryServiceClient queries;
    private readonly Random random = new();

    /// <summary>Makes a client of the nodes that the options name. Connects with the first call.</summary>
    /// <param name="options">Where to, and how.</param>
    /// <exception cref="ArgumentException">The options contradict themselves or are out of range.</exception>
    public LedgerClient(LedgerClientOptions options)
        : this(Own(options), options)
    {
    }

    /// <summary>Makes a client on a channel of the caller's, who configures its retries and disposes it.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="options">Timeouts and pauses; addresses and channel settings in it are not used.</param>
    public LedgerClient(GrpcChannel channel, LedgerClientOptions? options = null)
        : this(
            (channel ?? throw new ArgumentNullException(nameof(channel))).CreateCallInvoker(),
            options ?? new LedgerClientOptions())
    {
    }

    /// <summary>Makes a client on a call invoker of the caller's, such as an intercepted one.</summary>
    /// <param name="invoker">The call invoker.</param>
    /// <param name="options">Timeouts and pauses; addresses and channel settings in it are not used.</param>
    public LedgerClient(CallInvoker invoker, LedgerClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(invoker);
        this.options = options ?? new LedgerClientOptions();
        accounts = new V1.AccountService.AccountServiceClient(invoker);
        transfers = new V1.TransferService.TransferServiceClient(invoker);
        transactions = new V1.TransactionService.TransactionServiceClient(invoker);
        admin = new V1.AdminService.AdminServiceClient(invoker);
        queries = new V1.QueryService.QueryServiceClient(invoker);
    }

    private LedgerClient((GrpcChannel Channel, CallInvoker Invoker) own, LedgerClientOptions options)
        : this(own.Invoker, options) =>
        (owned, streams) = (own.Channel, options.UseSharedStreams ? new SharedStreams(options) : null);

    /// <summary>Opens accounts, up to <see cref="BatchMax"/> in one request. Each stands alone. Idempotent: an account
    /// that exists with the same content is answered <see cref="AccountStatus.Exists"/>.</summary>
    /// <param name="specs">The accounts.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>One outcome for each account, in the order of the request.</returns>
    public async Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyCollection<AccountSpec> specs,
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        CheckBatch(specs);
        var message = new V1.OpenAccountsRequest();
        message.Accounts.AddRange(specs.Select(ProtoMapper.ToWire));
        var response = await CallAsync(
            accounts.OpenAccountsAsync, message, CallKind.WriteBatch, request, cancellationToken);
        CheckCount(response.Results.Count, specs.Count);
        return Read(() => response.Results.Select(ProtoMapper.FromWire).ToArray(), CallKind.WriteBatch);
    }

    /// <summary>Posts one transfer. Idempotent by its id. A rejection is a result and not an exception.</summary>
    /// <param name="transfer">The transfer. Keep it until the outcome is known.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>Its outcome.</returns>
    public async Task<TransferResult> PostTransferAsync(
        Transfer transfer, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        var message = new V1.PostTransferRequest
        {
            Transfer = ProtoMapper.ToWire(transfer), ReturnBalances = request is { ReturnBalances: true },
        };
        var response = await CallAsync(
            transfers.PostTransferAsync, message, CallKind.Write, request, cancellationToken, StreamForms.PostTransfer);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Posts transfers, up to <see cref="BatchMax"/> in one request. Each stands alone: some may be recorded
    /// while others are rejected, and they run in no promised order. Nothing is split silently.</summary>
    /// <param name="batch">The transfers. Keep them until the outcome is known.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>One outcome for each transfer, in the order of the request.</returns>
    public async Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyCollection<Transfer> batch,
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        CheckBatch(batch);
        var message = new V1.PostTransfersRequest { ReturnBalances = request is { ReturnBalances: true } };
        message.Transfers.AddRange(batch.Select(ProtoMapper.ToWire));
        var response = await CallAsync(
            transfers.PostTransfersAsync, message, CallKind.WriteBatch, request, cancellationToken);
        CheckCount(response.Results.Count, batch.Count);
        return Read(() => response.Results.Select(ProtoMapper.FromWire).ToArray(), CallKind.WriteBatch);
    }

    /// <summary>Posts a transaction: all of its legs or none. Idempotent by its id. A rejection is a result and not an
    /// exception, and names the leg that failed.</summary>
    /// <param name="transaction">The transaction. Keep it until the outcome is known.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>Its outcome.</returns>
    public async Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        CheckBatch(transaction.Legs, nameof(transaction));
        var message = new V1.PostTransactionRequest
        {
            Transaction = ProtoMapper.ToWire(transaction), ReturnBalances = request is { ReturnBalances: true },
        };
        var response = await CallAsync(
            transactions.PostTransactionAsync, message, CallKind.Write, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Opens accounts and posts transfers, up to <see cref="BatchMax"/> in one request, in order: each item
    /// sees what those before it did that touch the same accounts or ids. Items that are linked happen all or not at
    /// all.</summary>
    /// <param name="items">The items. Keep them until the outcome is known.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>One outcome for each item, in the order of the request.</returns>
    public async Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyCollection<BatchItem> items,
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        CheckBatch(items);
        var message = new V1.SubmitBatchRequest();
        message.Items.AddRange(items.Select(ProtoMapper.ToWire));
        var response = await CallAsync(
            transactions.SubmitBatchAsync, message, CallKind.WriteBatch, request, cancellationToken);
        CheckCount(response.Results.Count, items.Count);
        return Read(() => response.Results.Select(ProtoMapper.FromWire).ToArray(), CallKind.WriteBatch);
    }

    /// <summary>Posts or voids all holds of an earlier transaction, as one new transaction. Idempotent by the id of the
    /// new one.</summary>
    /// <param name="resolution">Which transaction, and what to do.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The outcome of the new transaction.</returns>
    /// <exception cref="LedgerClientException">Also, with code <c>NOT_FOUND</c>, when there is no such
    /// transaction.</exception>
    public async Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution resolution, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        var message = new V1.ResolveTransactionRequest
        {
            Id = ProtoMapper.IdText(resolution.Id),
            Account = resolution.Account,
            TransactionId = ProtoMapper.IdText(resolution.TransactionId),
            Resolution = resolution.Post ? V1.Resolution.Post : V1.Resolution.Void,
            EffectiveTime = resolution.EffectiveTime is { } effective ? ProtoMapper.ToWire(effective) : null,
        };
        var response = await CallAsync(
            transactions.ResolveTransactionAsync, message, CallKind.Write, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Takes back a posted transaction, or one transfer, by the opposite one, which is linked to it.
    /// Idempotent by the id of the correction.</summary>
    /// <param name="reversal">What to take back, and why.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The outcome of the correction.</returns>
    /// <exception cref="LedgerClientException">Also, with code <c>NOT_FOUND</c>, when there is no such
    /// original.</exception>
    public async Task<TransactionResult> ReverseTransactionAsync(
        Reversal reversal, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        var message = ProtoMapper.ToWire(reversal);
        var response = await CallAsync(
            transactions.ReverseTransactionAsync, message, CallKind.Write, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Sets the time at which a live hold expires: later, or earlier. Idempotent.</summary>
    /// <param name="holdId">The hold.</param>
    /// <param name="expireTime">When it is to expire; in the future.</param>
    /// <param name="account">The hold's debit account; empty when the caller does not know it.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<ExtendHoldResult> ExtendHoldAsync(
        Guid holdId,
        DateTimeOffset expireTime,
        string account = "",
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(account);
        var message = new V1.ExtendHoldRequest
        {
            HoldId = ProtoMapper.IdText(holdId),
            ExpireTime = ProtoMapper.ToWire(expireTime),
            Account = account,
        };
        var response = await CallAsync(transfers.ExtendHoldAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Freezes an account, or replaces the freeze that it has.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="freeze">What is to be refused, debits, credits or both, and why.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<AccountChangeResult> FreezeAccountAsync(
        string address,
        AccountFreeze freeze,
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.FreezeAccountRequest { Address = address, Freeze = ProtoMapper.ToWire(freeze) };
        var response = await CallAsync(
            accounts.FreezeAccountAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Ends the freeze of an account.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="reason">Why, at most 256 characters.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<AccountChangeResult> UnfreezeAccountAsync(
        string address,
        string reason = "",
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.UnfreezeAccountRequest { Address = address, Reason = reason };
        var response = await CallAsync(
            accounts.UnfreezeAccountAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Closes an account, whatever its balance: it takes no transfer but the void and the expiry of its
    /// holds.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="reason">Why, at most 256 characters.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<AccountChangeResult> CloseAccountAsync(
        string address,
        string reason = "",
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.CloseAccountRequest { Address = address, Reason = reason };
        var response = await CallAsync(
            accounts.CloseAccountAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Opens a closed account again.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="reason">Why, at most 256 characters.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<AccountChangeResult> ReopenAccountAsync(
        string address,
        string reason = "",
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.ReopenAccountRequest { Address = address, Reason = reason };
        var response = await CallAsync(
            accounts.ReopenAccountAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Sets both limits of an account: a limit that is null is taken away. At most one can be given.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="debitsMustNotExceedCredits">The limit on its debits.</param>
    /// <param name="creditsMustNotExceedDebits">The limit on its credits.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>What became of it.</returns>
    public async Task<AccountChangeResult> SetAccountLimitsAsync(
        string address,
        AccountLimit? debitsMustNotExceedCredits,
        AccountLimit? creditsMustNotExceedDebits,
        RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.SetAccountLimitsRequest
        {
            Address = address,
            DebitsMustNotExceedCredits = ProtoMapper.ToWire(debitsMustNotExceedCredits),
            CreditsMustNotExceedDebits = ProtoMapper.ToWire(creditsMustNotExceedDebits),
        };
        var response = await CallAsync(
            accounts.SetAccountLimitsAsync, message, CallKind.Change, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response.Result), CallKind.Write);
    }

    /// <summary>Opens a session that posts transfers as they come, many in flight at once. Connects with the first
    /// transfer.</summary>
    /// <param name="stream">How the session behaves.</param>
    /// <returns>The session; dispose it.</returns>
    public TransferStream OpenTransferStream(TransferStreamOptions? stream = null) =>
        new(transfers, stream ?? new TransferStreamOptions(), options, owned is not null);

    /// <summary>Reads an account with its balances. Shows every transfer that was acknowledged before, or fails with
    /// <c>ACCOUNT_IN_DOUBT</c>: transactions are in doubt on it, for which the ledger has waited up to a second. Such a
    /// read is not sent again by itself; <see cref="RequestOptions.AllowInDoubt"/> asks for what is known.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The account; null when there is none.</returns>
    public async Task<Account?> GetAccountAsync(
        string address, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.GetAccountRequest { Address = address };
        var response = await FindAsync(
            accounts.GetAccountAsync, message, request, cancellationToken, StreamForms.GetAccount);
        var account = response is null ? null : Read(() => ProtoMapper.FromWire(response.Account), CallKind.Read);
        return account?.Doubt is { } doubt && request?.AllowInDoubt != true
            ? throw RpcErrorMapper.InDoubt(doubt)
            : account;
    }

    /// <summary>Looks a transfer up in the memory of one of its two accounts. Waits while the transfer is in
    /// doubt.</summary>
    /// <param name="account">The address of the transfer's debit or credit account; empty when the caller does not know
    /// it. A hold is then found however old it is, another transfer only while the node remembers its id.</param>
    /// <param name="id">The transfer's id.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The transfer; null when the account has never taken part in it, or when none was given and the transfer
    /// is not remembered.</returns>
    public async Task<TransferRecord?> GetTransferAsync(
        string account, Guid id, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(account);
        var message = new V1.GetTransferRequest { Account = account, Id = ProtoMapper.IdText(id) };
        var response = await FindAsync(
            transfers.GetTransferAsync, message, request, cancellationToken, StreamForms.GetTransfer);
        return response is null ? null : Read(() => ProtoMapper.FromWire(response.Record), CallKind.Read);
    }

    /// <summary>Looks a transaction up in the memory of its coordinator. Waits while it is in doubt.</summary>
    /// <param name="account">The address of the coordinator: the debit account of the transaction's first
    /// transfer.</param>
    /// <param name="id">The transaction's id; a transfer that stood alone is found by its own.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The transaction; null when the account has never coordinated it.</returns>
    public async Task<TransactionRecord?> GetTransactionAsync(
        string account, Guid id, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(account);
        var message = new V1.GetTransactionRequest { Account = account, Id = ProtoMapper.IdText(id) };
        var response = await FindAsync(transactions.GetTransactionAsync, message, request, cancellationToken);
        return response is null ? null : Read(() => ProtoMapper.FromWire(response.Record), CallKind.Read);
    }

    /// <summary>Lists all accounts with their balances, each as of its own moment, fetching page after page. Fails with
    /// <c>ACCOUNT_IN_DOUBT</c> at an account on which transactions are in doubt, unless
    /// <see cref="RequestOptions.AllowInDoubt"/> asks for it, and with <c>PAGE_TOKEN_OF_ANOTHER_EPOCH</c> where the
    /// ledger has begun a new epoch between two pages: what was shown may be no more, so begin again.</summary>
    /// <param name="pageSize">How many are fetched at a time: 1 to 1,000.</param>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async IAsyncEnumerable<Account> ListAccountsAsync(
        int pageSize = 100,
        RequestOptions? request = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var message = new V1.ListAccountsRequest { PageSize = pageSize };
        do
        {
            var page = await CallAsync(
                accounts.ListAccountsAsync, message, CallKind.Read, request, cancellationToken);
            foreach (var wire in page.Accounts)
            {
                var account = Read(() => ProtoMapper.FromWire(wire), CallKind.Read);
                yield return account.Doubt is { } doubt && request?.AllowInDoubt != true
                    ? throw RpcErrorMapper.InDoubt(doubt)
                    : account;
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Lists the accounts that have been in doubt for long, fetching page after page. One may be among them
    /// that is in doubt no more. Answered only on the node's own machine.</summary>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async IAsyncEnumerable<AccountInDoubt> ListInDoubtAsync(
        RequestOptions? request = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var message = new V1.ListInDoubtRequest { PageSize = 500 };
        do
        {
            var page = await CallAsync(admin.ListInDoubtAsync, message, CallKind.Read, request, cancellationToken);
            foreach (var account in page.Accounts)
            {
                yield return Read(() => ProtoMapper.FromWire(account), CallKind.Read);
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Says what is in doubt on an account: the oldest transactions, at most 100. Answered only on the node's
    /// own machine.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The transactions, the oldest first; none when nothing is in doubt, or there is no such
    /// account.</returns>
    public async Task<IReadOnlyList<TransactionInDoubt>> GetInDoubtAsync(
        string address, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.GetInDoubtRequest { Address = address };
        var response = await CallAsync(admin.GetInDoubtAsync, message, CallKind.Read, request, cancellationToken);
        return Read(() => response.Transactions.Select(ProtoMapper.FromWire).ToArray(), CallKind.Read);
    }

    /// <summary>Ends a transaction that is in doubt: it is aborted, unless its last agent has committed it. The same
    /// call may be made again. Answered only on the node's own machine.</summary>
    /// <param name="address">An account that has it in doubt; best its coordinator.</param>
    /// <param name="id">The transaction; of a transfer alone, the transfer.</param>
    /// <param name="principal">The person who wants it aborted, as is to be journaled: 1 to 128 bytes of UTF-8.</param>
    /// <param name="reason">Why, as is to be journaled: 1 to 1,024 bytes of UTF-8.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="LedgerClientException">Also, with reason <c>NOT_IN_DOUBT</c>, when the account has no such
    /// transaction in doubt; and <c>VERDICT_REFUSED</c>, when whether the last agent has decided can't be
    /// told.</exception>
    public async Task<InDoubtResolution> ResolveInDoubtAsync(
        string address, Guid id, string principal, string reason, RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(principal);
        ArgumentNullException.ThrowIfNull(reason);
        var message = new V1.ResolveInDoubtRequest
        {
            Address = address, TransactionId = id.ToString("D"), Principal = principal, Reason = reason,
        };
        var response = await CallAsync(admin.ResolveInDoubtAsync, message, CallKind.Write, request, cancellationToken);
        return Read(() => ProtoMapper.FromWire(response), CallKind.Write);
    }

    /// <summary>Lists the entries of an account's statement, fetching page after page. Entries that are booked
    /// meanwhile may or may not be seen. A page that may lack entries, since transactions are in doubt, fails as
    /// <c>ACCOUNT_IN_DOUBT</c>, unless <see cref="StatementQuery.OnInDoubt"/> is given or
    /// <see cref="RequestOptions.AllowInDoubt"/> asks for it.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="query">Which entries, in which order; null for all, the oldest first.</param>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="LedgerClientException">Also, with code <c>NOT_FOUND</c>, when there is no such account, and
    /// with reason <c>PAGE_TOKEN_OF_ANOTHER_EPOCH</c> when the ledger has begun a new epoch between two
    /// pages.</exception>
    public async IAsyncEnumerable<StatementEntry> ListStatementAsync(
        string address,
        StatementQuery? query = null,
        RequestOptions? request = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        query ??= new StatementQuery();
        var message = new V1.ListStatementRequest
        {
            Address = address,
            PageSize = query.PageSize,
            NewestFirst = query.NewestFirst,
            MinSequence = query.MinSequence ?? 0,
            MaxSequence = query.MaxSequence ?? 0,
            StartTime = query.StartTime is { } start ? ProtoMapper.ToWire(start) : null,
            EndTime = query.EndTime is { } end ? ProtoMapper.ToWire(end) : null,
        };
        do
        {
            var page = await CallAsync(
                accounts.ListStatementAsync, message, CallKind.Read, request, cancellationToken);
            if (page.CompleteUpTo is { } time)
            {
                var completeUpTo = Read(time.ToDateTimeOffset, CallKind.Read);
                if (query.OnInDoubt is null && request?.AllowInDoubt != true)
                {
                    throw RpcErrorMapper.InDoubt(completeUpTo);
                }

                query.OnInDoubt?.Invoke(completeUpTo);
            }

            foreach (var entry in page.Entries)
            {
                yield return Read(() => ProtoMapper.FromWire(entry), CallKind.Read);
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Finds transfers by the ledger's index, rejected ones too where they are asked for, fetching page after
    /// page. A transfer that was there at the first page comes once; one that is committed meanwhile may come, or
    /// not.</summary>
    /// <param name="query">Which transfers, in which order.</param>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="LedgerClientException">Also, with reason <c>INDEX_OFF</c>, where the ledger keeps no index;
    /// <c>INDEX_BEHIND</c>, where it has not come to <see cref="TransferQuery.AtLeast"/> in time or lags too far; and
    /// <c>FILTER_TOO_WIDE</c>.</exception>
    public async IAsyncEnumerable<TransferRecord> SearchTransfersAsync(
        TransferQuery query, RequestOptions? request = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        var message = new V1.SearchTransfersRequest
        {
            PageSize = query.PageSize, Filter = ProtoMapper.ToWire(query), NewestFirst = query
                .NewestFirst, AtLeast = query.AtLeast,
        };
        do
        {
            var page =
                await CallAsync(queries.SearchTransfersAsync, message, CallKind.Read, request, cancellationToken);
            foreach (var transfer in page.Transfers)
            {
                yield return Read(() => ProtoMapper.FromWire(transfer), CallKind.Read);
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Counts transfers by the ledger's index.</summary>
    /// <param name="query">Which transfers.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>How many there are, at most 10,000, and whether there may be more.</returns>
    public async Task<(long Count, bool IsCut)> CountTransfersAsync(
        TransferQuery query, RequestOptions? request = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        var message = new V1.SearchTransfersRequest
        {
            PageSize = 1, Filter = ProtoMapper.ToWire(query), AtLeast = query.AtLeast, Count = true,
        };
        var page = await CallAsync(queries.SearchTransfersAsync, message, CallKind.Read, request, cancellationToken);
        return (page.Count, page.CountIsCut);
    }

    /// <summary>Finds accounts by the ledger's index, in the order of their addresses and without their balances,
    /// fetching page after page. None is woken.</summary>
    /// <param name="query">Which accounts; null for all.</param>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="LedgerClientException">See <see cref="SearchTransfersAsync"/>.</exception>
    public async IAsyncEnumerable<AccountSummary> SearchAccountsAsync(
        AccountSearchQuery? query = null, RequestOptions? request = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        query ??= new AccountSearchQuery();
        var message = new V1.SearchAccountsRequest
        {
            PageSize = query.PageSize, Filter = ProtoMapper.ToWire(query), AtLeast = query.AtLeast,
        };
        do
        {
            var page = await CallAsync(queries.SearchAccountsAsync, message, CallKind.Read, request, cancellationToken);
            foreach (var account in page.Accounts)
            {
                yield return Read(() => ProtoMapper.FromWire(account), CallKind.Read);
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Lists the live holds of an account, on either side of them, as the account itself has them, in the
    /// order of their ids, fetching page after page.</summary>
    /// <param name="address">The account's address.</param>
    /// <param name="expireBefore">Only holds that expire before this time; null for all.</param>
    /// <param name="request">What is different for each of the calls.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="LedgerClientException">Also, with code <c>NOT_FOUND</c>, when there is no such
    /// account.</exception>
    public async IAsyncEnumerable<TransferRecord> ListHoldsAsync(
        string address, DateTimeOffset? expireBefore = null, RequestOptions? request = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        var message = new V1.ListHoldsRequest
        {
            Account = address, PageSize = 500, ExpireBefore = expireBefore is { } time
                ? ProtoMapper.ToWire(time)
                : null,
        };
        do
        {
            var page = await CallAsync(queries.ListHoldsAsync, message, CallKind.Read, request, cancellationToken);
            foreach (var hold in page.Holds)
            {
                yield return Read(() => ProtoMapper.FromWire(hold), CallKind.Read);
            }

            message.PageToken = page.NextPageToken;
        }
        while (message.PageToken.Length > 0);
    }

    /// <summary>Reads several accounts with their balances, each as of its own moment. Where transactions are in doubt
    /// on one, its <see cref="Account.Doubt"/> says which, and its counters are not final.</summary>
    /// <param name="addresses">From 1 to <see cref="BatchMax"/> addresses.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>One for each address, in the order of the request; null where there is no such account.</returns>
    public async Task<IReadOnlyList<Account?>> GetAccountsAsync(
        IReadOnlyCollection<string> addresses, RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        CheckBatch(addresses);
        var message = new V1.BatchGetAccountsRequest { Addresses = { addresses } };
        var response = await CallAsync(
            queries.BatchGetAccountsAsync, message, CallKind.Read, request, cancellationToken);
        CheckCount(response.Accounts.Count, addresses.Count);
        return Read(
            () =>
                response.Accounts.Select(static one => one.Account is null ? null : ProtoMapper.FromWire(one.Account))
                    .ToArray(),
            CallKind.Read);
    }

    /// <summary>Looks several transfers up.</summary>
    /// <param name="keys">From 1 to <see cref="BatchMax"/> transfers, each with one of its accounts, which may be empty
    /// when it is not known.</param>
    /// <param name="request">What is different for this call.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>One for each, in the order of the request; null where there is none.</returns>
    public async Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyCollection<(string Account, Guid Id)> keys, RequestOptions? request = null,
        CancellationToken cancellationToken = default)
    {
        CheckBatch(keys);
        var message = new V1.BatchGetTransfersRequest();
        message.Transfers.AddRange(keys.Select(
            static key => new V1.TransferKey { Account = key.Account, Id = ProtoMapper.IdText(key.Id) }));
        var response = await CallAsync(
            queries.BatchGetTransfersAsync, message, CallKind.Read, request, cancellationToken);
        CheckCount(response.Transfers.Count, keys.Count);
        return Read(
            () =>
                response.Transfers.Select(static one => one.Record is null ? null : ProtoMapper.FromWire(one.Record))
                    .ToArray(),
            CallKind.Read);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        streams?.Dispose();
        owned?.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static (GrpcChannel Channel, CallInvoker Invoker) Own(LedgerClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var channel = ChannelFactory.Create(options);
        return (channel, channel.CreateCallInvoker());
    }

    private static void CheckBatch<T>(
        IReadOnlyCollection<T> batch, [CallerArgumentExpression(nameof(batch))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(batch, name);
        if (batch.Count is < 1 or > BatchMax)
        {
            throw new ArgumentOutOfRangeException(name, batch.Count, $"A request holds 1 to {BatchMax} items.");
        }
    }

    private static void CheckCount(int results, int requests)
    {
        if (results != requests)
        {
            throw RpcErrorMapper.Malformed($"{results} results for {requests} requests.", CallKind.WriteBatch);
        }
    }

    private static T Read<T>(Func<T> read, CallKind kind)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is FormatException or OverflowException or NullReferenceException)
        {
            throw RpcErrorMapper.Malformed(failure.Message, kind, failure);
        }
    }

    private async Task<TResponse?> FindAsync<TRequest, TResponse>(
        Func<TRequest, CallOptions, AsyncUnaryCall<TResponse>> method,
        TRequest message,
        RequestOptions? request,
        CancellationToken cancellationToken,
        StreamForm<TRequest, TResponse>? form = null)
        where TResponse : class
    {
        try
        {
            return await CallAsync(method, message, CallKind.Read, request, cancellationToken, form);
        }
        catch (LedgerClientException failure) when (failure.Code == StatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task<TResponse> CallAsync<TRequest, TResponse>(
        Func<TRequest, CallOptions, AsyncUnaryCall<TResponse>> method,
        TRequest message,
        CallKind kind,
        RequestOptions? request,
        CancellationToken cancellationToken,
        StreamForm<TRequest, TResponse>? form = null)
        where TResponse : class
    {
        var isRead = kind == CallKind.Read;
        var timeout = request?.Timeout ?? (isRead ? options.ReadTimeout : options.WriteTimeout);
        var retryFor = isRead ? TimeSpan.Zero : request?.RetryUnknownFor ?? options.RetryUnknownFor;
        var started = options.TimeProvider.GetTimestamp();
        var unknown = false;
        for (var attempt = 0; ; attempt++)
        {
            // Each attempt has its full time: a last one cut short would make an unknown of a known refusal.
            var (response, failure) = await AttemptAsync(method, message, kind, timeout, cancellationToken, form);
            if (failure is null)
            {
                return response!;
            }

            // Once an attempt may have been recorded, only an answer about it can take that back.
            unknown |= failure.OutcomeUnknown;
            var again = RpcErrorMapper.IsOverload(failure)
                ? TimeSpan.FromTicks(Math.Max(timeout.Ticks, retryFor.Ticks))
                : isRead && RpcErrorMapper.IsBrokenConnection(failure) ? timeout
                : RpcErrorMapper.IsOpen(failure) && (kind != CallKind.Change || failure.Unreachable) ? retryFor
                : TimeSpan.Zero;
            if (RpcErrorMapper.IsFutile(failure))
            {
                again = TimeSpan.Zero;
            }

            var pause = RpcErrorMapper.Pause(failure, attempt, options, random);
            if (options.TimeProvider.GetElapsedTime(started) + pause >= again)
            {
                throw RpcErrorMapper.Of(failure, unknown);
            }

            await Task.Delay(pause, options.TimeProvider, cancellationToken);
        }
    }

    private async Task<(TResponse? Response, LedgerClientException? Failure)> AttemptAsync<TRequest, TResponse>(
        Func<TRequest, CallOptions, AsyncUnaryCall<TResponse>> method,
        TRequest message,
        CallKind kind,
        TimeSpan timeout,
        CancellationToken cancellationToken,
        StreamForm<TRequest, TResponse>? form)
        where TResponse : class
    {
        var trace = DeliveryTracker.Begin(counts: owned is not null);
        // gRPC judges deadlines by the system's clock, so they are set by it.
        var deadline = (TimeProvider.System.GetUtcNow() + timeout).UtcDateTime;
        for (var tries = 1; ; tries++)
        {
            LedgerClientException failure;
            try
            {
                if (form is not null && streams is not null
                    && await streams.TryCallAsync(
                        form.Wrap(message), kind == CallKind.Read, deadline, trace, cancellationToken) is { } answer)
                {
                    return (form.Unwrap(answer), null);
                }

                using var call = method(
                    message, new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
                var response = await call.ResponseAsync;
                return (response, null);
            }
            catch (RpcException refusal)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var timeLeft = deadline - TimeProvider.System.GetUtcNow().UtcDateTime;
                failure = RpcErrorMapper.Of(refusal, kind, trace, timeLeft);
            }

            // Whoever gives a channel of his own decides what is sent again on it.
            var pause = RpcErrorMapper.Pause(
                RpcErrorMapper.IsBrokenStream(failure) ? failure : null, tries - 1, options, random);
            if (owned is null || tries >= options.MaxAttempts || !RpcErrorMapper.MayTryAgain(failure, kind, trace)
                || TimeProvider.System.GetUtcNow().UtcDateTime + pause >= deadline)
            {
                return (default, failure);
            }

            await Task.Delay(pause, options.TimeProvider, cancellationToken);
        }
    }
}
