using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary><see cref="ILedger"/> over the accounts of this node or cluster: each call is checked, admitted, planned,
/// asked of the accounts, and answered. Thread-safe.</summary>
/// <param name="dispatcher">Admits calls, and asks accounts.</param>
/// <param name="accountReader">Reads accounts.</param>
/// <param name="transferReader">Reads transfers.</param>
/// <param name="recent">Where this node has lately seen ids.</param>
/// <param name="counter">Counts what transfers are answered.</param>
/// <param name="positions">Writes positions.</param>
/// <param name="asker">Who asks.</param>
internal sealed class LedgerService(
    RequestDispatcher dispatcher, AccountReader accountReader, TransferReader transferReader, RecentTransfers recent,
    TransferCounter counter, PositionText positions, Asker asker) : ILedger
{
    private readonly TransferPoster poster = new(dispatcher, transferReader, recent, asker);

    public ILedger WithCaller(string principal)
    {
        CallFailures.ThrowIf(RequestRules.CheckPrincipal(principal));
        return As(asker with { Principal = principal });
    }

    public ILedger ReturningBalances() => As(asker with { ReturnBalances = true });

    public string PositionOf(RowPosition position) => positions.Write(position);

    public async Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        // A copy: the caller may do with its list what it likes meanwhile.
        accounts = [.. accounts];
        CallFailures.ThrowIf(
            RequestRules.CheckCount(accounts.Count, "accounts")
            ?? RequestRules.CheckAll(accounts, "accounts", RequestRules.Check));
        using var call = dispatcher.Begin(accounts.Count, timeout, cancellationToken);
        var results = new OpenAccountResult[accounts.Count];
        var asked = new List<int>(results.Length);
        for (var i = 0; i < results.Length; i++)
        {
            var shape = AccountDecider.CheckShape(accounts[i]);
            if (shape == AccountStatus.None)
            {
                asked.Add(i);
            }
            else
            {
                results[i] = new OpenAccountResult(accounts[i].Address, shape, default);
            }
        }

        var answers = ManyCalls.Ask(
            asked.Count, i => poster.AskToOpenAsync(accounts[asked[i]], call.End, retryOverload: results.Length > 1));
        await ManyCalls.CollectAsync(answers, (i, answer) => results[asked[i]] = ((OpenAccountResponse)answer).Result);
        return results;
    }

    public async Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.Check(transfer));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var result = await poster.PostAsync(transfer, call.End, retryOverload: false);
        counter.Count(transfer, result);
        return result;
    }

    public async Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        transfers = [.. transfers];
        CallFailures.ThrowIf(
            CheckCount(transfers.Count, "transfers")
            ?? RequestRules.CheckAll(transfers, "transfers", RequestRules.Check));
        using var call = dispatcher.Begin(transfers.Count, timeout, cancellationToken);
        var results = new Task<TransferResult>[transfers.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = poster.PostAsync(transfers[i], call.End, retryOverload: results.Length > 1);
        }

        try
        {
            return await ManyCalls.AllAsync(results);
        }
        finally
        {
            counter.Count(transfers, results);
        }
    }

    public async Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckAddress(query.Account, "address"));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        return await accountReader.GetAsync(query, call.End);
    }

    public async Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        return await transferReader.FindAsync(new TransferKey(account, id), call.End);
    }

    public async Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(
            RequestRules.CheckAddress(query.Account, "account") ?? RequestRules.CheckLimit(query.PageSize));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);

        // Before anything is read: what a new epoch finds is not told under the old one.
        var epoch = positions.Epoch;
        return await accountReader.StatementAsync(query, call.End) is { } page ? page with { Epoch = epoch } : null;
    }

    public async Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckLimit(pageSize));
        using var call = dispatcher.Begin(pageSize, timeout, cancellationToken);
        var epoch = positions.Epoch;
        return (await accountReader.ListAsync(after, pageSize, call.End)) with { Epoch = epoch };
    }

    public async Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.Check(transaction) ?? CheckCount(transaction.Legs.Length, "legs"));
        using var call = dispatcher.Begin(transaction.Legs.Length, timeout, cancellationToken);
        return await PostAsync(transaction, call.End);
    }

    public async Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckAddress(account, "account"));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        return await transferReader.ShownTransactionAsync(account, id, call.End);
    }

    public async Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckAddress(account, "account") ?? RequestRules.Check(change));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var answer = await dispatcher.AskOnceAsync(
            account,
            (caller, until) => new ChangeAccountRequest(change, caller, until) { Principal = asker.Principal },
            call.End);
        return answer is ChangeAccountResponse(var result) ? result : throw CallFailures.Of(answer);
    }

    public async Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CallFailures.ThrowIf(RequestRules.CheckHoldDeadline(request.Deadline));
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var account = request.Account.IsNone
            ? await transferReader.LocateAsync(request.HoldId, call.End)
            : request.Account;
        if (account is not { } debit)
        {
            return new ExtendHoldResult(request.HoldId, TransferStatus.PendingTransferNotFound, null);
        }

        var answer = await dispatcher.AskOnceAsync(
            debit,
            (caller, until) => new ExtendHoldRequest(request.HoldId, request.Deadline, caller, until)
            {
                Principal = asker.Principal,
            },
            call.End);
        return answer is ExtendHoldResponse extended
            ? new ExtendHoldResult(request.HoldId, extended.Status, extended.HoldDeadline)
            {
                Position = extended.Position,
            }
            : throw CallFailures.Of(answer);
    }

    public async Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var plan = new ReversalPlan(request.Id, request.OriginalId, request.Reason)
        {
            Part = request.Amount,
            Code = request.Code,
            Reference = request.Reference,
            EffectiveTime = request.EffectiveTime,
        };
        CallFailures.ThrowIf(plan.Check());
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var account = request.Account.IsNone
            ? await transferReader.LocateAsync(request.OriginalId, call.End)
                ?? throw CallFailures.NotRemembered(request.OriginalId, "account")
            : request.Account;
        var original = await transferReader.OriginalAsync(account, request.OriginalId, call.End);
        CallFailures.ThrowIf(plan.CheckOriginal(account, original));
        return await PostAsync(plan.TransactionOf(original), call.End);
    }

    public async Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var plan = new ResolutionPlan(request.Id, request.Account, request.TransactionId, request.Post)
        {
            EffectiveTime = request.EffectiveTime,
        };
        CallFailures.ThrowIf(plan.Check());
        using var call = dispatcher.Begin(1, timeout, cancellationToken);
        var transaction = plan.TransactionOf(
            await transferReader.TransactionAsync(request.Account, request.TransactionId, call.End));
        CallFailures.ThrowIf(plan.CheckFound(transaction));
        return await PostAsync(transaction, call.End);
    }

    public async Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        BatchStep[] steps = [.. items.Select(static item => new BatchStep(item.Leg, item.Linked))];
        CallFailures.ThrowIf(
            CheckCount(steps.Length, "items")
            ?? RequestRules.CheckAll(steps, "items", static (step, place) => RequestRules.Check(step.Leg, place)));
        var plan = BatchPlan.Of(steps);
        CallFailures.ThrowIf(plan.CheckSizes());
        using var call = dispatcher.Begin(steps.Length, timeout, cancellationToken);
        return await new BatchRunner(poster, counter).RunAsync(plan, call.End);
    }

    private LedgerService As(Asker other) =>
        new(dispatcher, accountReader, transferReader, recent, counter, positions, other);

    private async Task<TransactionResult> PostAsync(Transaction transaction, CallEnd end)
    {
        var result = await poster.PostAsync(transaction, chainOpen: false, end);
        counter.Count(transaction, result);
        return result;
    }

    private RequestProblem? CheckCount(int count, string field) =>
        RequestRules.CheckCount(count, field)
        ?? (asker.ReturnBalances ? RequestRules.CheckReturned(count, field) : null);
}
