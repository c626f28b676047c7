namespace Ledger.Access;

/// <summary>An <see cref="ILedger"/> as one caller may use it: asks the policy in force before each call, writes in the
/// caller's name, and cuts from answers what the caller may not read.</summary>
/// <remarks>
/// <para>What is denied fails with <see cref="LedgerErrorReason.PermissionDenied"/> before any account is woken; only
/// where the accounts are those of a hold or of an original that is not named by its accounts is it looked up first. A
/// refusal is the same whether or not the account, the id or the hold exists. A batch or transaction with one forbidden
/// item is refused as a whole, and nothing of it is applied.</para>
/// <para>The policy is asked anew for each call, so that one instance may serve a stream for as long as it lives. Made
/// for one call or one stream; thread-safe.</para>
/// </remarks>
public sealed class AuthorizedLedger : ILedger
{
    private readonly ILedger inner;
    private readonly Caller caller;
    private readonly IAccessPolicySource policies;
    private readonly TimeProvider clock;

    /// <summary>Makes the ledger of one caller.</summary>
    /// <param name="inner">The ledger that does what is allowed.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="policies">Where the policy is.</param>
    /// <param name="clock">The time by which what the caller has shown expires.</param>
    /// <exception cref="LedgerException">The caller's name can't be written down.</exception>
    public AuthorizedLedger(ILedger inner, Caller caller, IAccessPolicySource policies, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(caller);
        this.inner = inner.WithCaller(caller.Principal);
        this.caller = caller;
        this.policies = policies;
        this.clock = clock;
    }

    private AuthorizedLedger(ILedger inner, AuthorizedLedger of) =>
        (this.inner, caller, policies, clock) = (inner, of.caller, of.policies, of.clock);

    /// <summary>This ledger, for the caller's own name; nobody writes in the name of another.</summary>
    /// <param name="principal">The name.</param>
    /// <exception cref="LedgerException">It is another than the caller's.</exception>
    public ILedger WithCaller(string principal) => string.Equals(principal, caller.Principal, StringComparison.Ordinal)
        ? this
        : throw CallAuthorization.Denied();

    /// <inheritdoc/>
    public ILedger ReturningBalances() => new AuthorizedLedger(inner.ReturningBalances(), this);

    /// <inheritdoc/>
    public string PositionOf(RowPosition position) => inner.PositionOf(position);

    /// <inheritdoc/>
    public Task<IReadOnlyList<OpenAccountResult>> OpenAccountsAsync(
        IReadOnlyList<AccountSpec> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        accounts = [.. accounts];
        var call = Begin(timeout, cancellationToken);
        for (var i = 0; i < accounts.Count; i++)
        {
            call.RequireOpening(accounts[i], $"accounts[{i}]");
        }

        return inner.OpenAccountsAsync(accounts, timeout, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<TransferResult> PostTransferAsync(
        Transfer transfer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        var call = Begin(timeout, cancellationToken);
        if (await call.RequireAsync(transfer, null, null) is not { } judged)
        {
            return Absent(transfer);
        }

        var result = await inner.PostTransferAsync(judged, call.Timeout, cancellationToken);
        return await call.CutAsync(transfer, result, isAlone: true);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TransferResult>> PostTransfersAsync(
        IReadOnlyList<Transfer> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transfers);
        transfers = [.. transfers];
        var call = Begin(timeout, cancellationToken);
        var judged = new Transfer?[transfers.Count];
        for (var i = 0; i < judged.Length; i++)
        {
            judged[i] = await call.RequireAsync(transfers[i], $"transfers[{i}]", null);
        }

        Transfer[] sent = [.. judged.OfType<Transfer>()];
        var results = sent.Length == 0 && transfers.Count > 0
            ? []
            : await inner.PostTransfersAsync(sent, call.Timeout, cancellationToken);
        var answer = new TransferResult[transfers.Count];
        for (int i = 0, taken = 0; i < answer.Length; i++)
        {
            answer[i] = judged[i] is null
                ? Absent(transfers[i])
                : await call.CutAsync(transfers[i], results[taken++], isAlone: false);
        }

        return answer;
    }

    /// <inheritdoc/>
    public Task<Account?> GetAccountAsync(
        AccountQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        Begin(timeout, cancellationToken).Require(AccessRights.Read, query.Account, "address");
        return inner.GetAccountAsync(query, timeout, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<TransferRecord?> GetTransferAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var call = Begin(timeout, cancellationToken);
        if (!account.IsNone)
        {
            call.Require(AccessRights.Read, account, "account");
            return await inner.GetTransferAsync(account, id, timeout, cancellationToken) is { } record
                ? call.Cut(record)
                : null;
        }

        call.RequireSome(AccessRights.Read);
        if (call.ReadsAll)
        {
            return await inner.GetTransferAsync(account, id, timeout, cancellationToken);
        }

        // Whoever may read neither side hears the same as of an id that nobody knows.
        return await call.FindAsync(account, id) is { } found && call.MayRead(found)
            ? call.Cut(found)
            : throw new LedgerException(
                LedgerErrorReason.TransferNotRemembered,
                $"No transfer {id} of an account that the caller may read is remembered here. Name one of its "
                    + "accounts.",
                "account");
    }

    /// <inheritdoc/>
    public async Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var call = Begin(timeout, cancellationToken);
        if (transaction.Legs.IsDefault)
        {
            return await inner.PostTransactionAsync(transaction, call.Timeout, cancellationToken);
        }

        // Holds that an earlier leg makes are nowhere yet.
        var made = new Dictionary<TransferId, Transfer>();
        var legs = transaction.Legs.ToBuilder();
        for (var i = 0; i < legs.Count; i++)
        {
            if (legs[i].Opening is { } opening)
            {
                call.RequireOpening(opening, $"legs[{i}]");
            }
            else if (legs[i].Transfer is { } transfer)
            {
                if (await call.RequireAsync(transfer, $"legs[{i}]", made) is not { } judged)
                {
                    return Absent(transaction, i);
                }

                legs[i] = TransactionLeg.Of(judged);
                if (transfer.Kind == TransferKind.Hold)
                {
                    made.TryAdd(transfer.Id, transfer);
                }
            }
        }

        var result = await inner.PostTransactionAsync(
            transaction with { Legs = legs.ToImmutable() }, call.Timeout, cancellationToken);
        return await call.CutAsync(result, transaction);
    }

    /// <inheritdoc/>
    public async Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var call = Begin(timeout, cancellationToken);
        call.Require(AccessRights.Read, account, "account");
        return await inner.GetTransactionAsync(account, id, timeout, cancellationToken) is { } record
            ? call.Cut(record)
            : null;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        items = [.. items];
        var call = Begin(timeout, cancellationToken);

        var sent = new List<BatchItem>(items.Count);
        var absent = new bool[items.Count];
        for (var i = 0; i < items.Count; i++)
        {
            var leg = items[i].Leg;
            if (leg.Opening is { } opening)
            {
                call.RequireOpening(opening, $"items[{i}]");
            }
            else if (leg.Transfer is { } transfer)
            {
                if (await call.RequireAsync(transfer, $"items[{i}]", null) is { } judged)
                {
                    leg = TransactionLeg.Of(judged);
                }
                else if (items[i].Linked || (i > 0 && items[i - 1].Linked))
                {
                    // Others fail or succeed with it, and only the ledger links them.
                    throw CallAuthorization.Denied($"items[{i}]");
                }
                else
                {
                    absent[i] = true;
                    continue;
                }
            }

            sent.Add(items[i] with { Leg = leg });
        }

        var results = sent.Count == 0 && items.Count > 0
            ? []
            : await inner.SubmitBatchAsync(sent, call.Timeout, cancellationToken);
        var answer = new BatchItemResult[items.Count];
        for (int i = 0, taken = 0; i < answer.Length; i++)
        {
            if (absent[i])
            {
                answer[i] = new BatchItemResult(Absent(items[i].Leg.Transfer!), null);
                continue;
            }

            var result = results[taken++];
            answer[i] = result.Transfer is { } decided && items[i].Leg.Transfer is { } transfer
                ? result with { Transfer = await call.CutAsync(transfer, decided, isAlone: false) }
                : result;
        }

        return answer;
    }

    /// <inheritdoc/>
    public Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        var right = change is SetAccountLimits ? AccessRights.Limits : AccessRights.Change;
        Begin(timeout, cancellationToken).Require(right, account, "account");
        return inner.ChangeAccountAsync(account, change, timeout, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var call = Begin(timeout, cancellationToken);
        return await call.RequireExtendingAsync(request.Account, request.HoldId) is { } debit
            ? await inner.ExtendHoldAsync(request with { Account = debit }, call.Timeout, cancellationToken)
            : new ExtendHoldResult(request.HoldId, TransferStatus.PendingTransferNotFound, null);
    }

    /// <inheritdoc/>
    public async Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var call = Begin(timeout, cancellationToken);
        request = await call.RequireReversingAsync(request);
        return call.Cut(await inner.ReverseTransactionAsync(request, call.Timeout, cancellationToken), []);
    }

    /// <inheritdoc/>
    public async Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var call = Begin(timeout, cancellationToken);
        await call.RequireResolvingAsync(request);
        return call.Cut(await inner.ResolveTransactionAsync(request, call.Timeout, cancellationToken), []);
    }

    /// <inheritdoc/>
    public Task<StatementPage?> ListStatementAsync(
        StatementQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        Begin(timeout, cancellationToken).Require(AccessRights.Statement, query.Account, "account");
        return inner.ListStatementAsync(query, timeout, cancellationToken);
    }

    /// <summary>Lists the accounts that the caller may list. Those between them are passed over, and no address of
    /// theirs is in the page or in its token, so that a page may take as long as its deadline allows.</summary>
    /// <inheritdoc/>
    public async Task<AccountPage> ListAccountsAsync(
        string? after, int pageSize, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var call = Begin(timeout, cancellationToken);
        call.RequireSome(AccessRights.List);
        var shown = new List<Account>();
        long? epoch = null;
        while (true)
        {
            // The token is of the first page's epoch: after another one began, it is refused.
            var page = await inner.ListAccountsAsync(after, pageSize, call.Timeout, cancellationToken);
            epoch ??= page.Epoch;
            foreach (var account in page.Accounts)
            {
                // An account in the list has its balances.
                if (call.Allows(AccessRights.List, account.Spec.Address)
                    && call.Allows(AccessRights.Read, account.Spec.Address))
                {
                    shown.Add(account);
                    if (shown.Count == pageSize)
                    {
                        // The page ends here, whether or not this was the last one of the ledger.
                        return new AccountPage(shown, account.Spec.Address.Text) { Epoch = epoch.Value };
                    }
                }
            }

            if (page.Next is not { } next)
            {
                return new AccountPage(shown, null) { Epoch = epoch.Value };
            }

            after = next;
        }
    }

    private CallAuthorization Begin(TimeSpan? timeout, CancellationToken cancellationToken)
    {
        caller.RequireValid(clock);
        return new CallAuthorization(
            inner, policies.Current.Of(caller.Principal), caller, clock, timeout, cancellationToken);
    }

    // Of a hold that is not there, on an account where the caller may resolve some. It stands in no journal.
    private static TransferResult Absent(Transfer transfer) =>
        new(transfer.Id, TransferStatus.PendingTransferNotFound, default, false, null);

    private static TransactionResult Absent(Transaction transaction, int failed) => new(
        transaction.Id, TransferStatus.PendingTransferNotFound, failed, default, false, null,
        [.. transaction.Legs.Select((_, i) => new LegResult(
            i == failed ? TransferStatus.PendingTransferNotFound : TransferStatus.LinkedEventFailed, AccountStatus.None,
            default))]);
}
