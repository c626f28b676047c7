namespace Ledger.Access;

/// <summary>An <see cref="ILedgerQueries"/> as one caller may use it: rows, counts, tokens and positions hold only what
/// the caller may read. Thread-safe.</summary>
/// <remarks>Whoever may not read everything searches transfers by an account that it may read: of other searches not
/// even the number of rows may be told. Whoever has <c>read</c> and <c>list</c> of <c>**</c> may ask
/// anything.</remarks>
/// <param name="inner">The ledger that answers.</param>
/// <param name="caller">Who calls.</param>
/// <param name="policies">Where the policy is.</param>
/// <param name="clock">The time by which what the caller has shown expires.</param>
public sealed class AuthorizedQueries(
    ILedgerQueries inner, Caller caller, IAccessPolicySource policies, TimeProvider clock) : ILedgerQueries
{
    /// <inheritdoc/>
    public async Task<TransferSearchPage> SearchTransfersAsync(
        TransferSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var permissions = Begin();
        if (permissions.ReadsAll)
        {
            return await inner.SearchTransfersAsync(search, timeout, cancellationToken);
        }

        if (search.Filter.Account.IsNone || !permissions.Allows(AccessRights.Read, search.Filter.Account))
        {
            throw CallAuthorization.Denied("filter.account");
        }

        var page = await inner.SearchTransfersAsync(search, timeout, cancellationToken);
        var cut = new AnswerCut(permissions);
        return page with { Transfers = [.. page.Transfers.Select(cut.Of)], Position = default };
    }

    /// <inheritdoc/>
    public async Task<AccountSearchPage> SearchAccountsAsync(
        AccountSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var permissions = Begin();
        if (permissions.ListsAll)
        {
            return await inner.SearchAccountsAsync(search, timeout, cancellationToken);
        }

        if ((permissions.Rights & AccessRights.List) == AccessRights.None)
        {
            throw CallAuthorization.Denied();
        }

        if (search.Count)
        {
            throw CallAuthorization.Denied("count");
        }

        var began = clock.GetTimestamp();
        var shown = new List<AccountSummary>();
        var after = search.After;
        AccountSearchPage? first = null;
        while (true)
        {
            var left = timeout is { } given && given != Timeout.InfiniteTimeSpan
                ? given - clock.GetElapsedTime(began)
                : timeout;
            var page = await inner.SearchAccountsAsync(search with { After = after }, left, cancellationToken);
            first ??= page;
            foreach (var account in page.Accounts)
            {
                if (permissions.Allows(AccessRights.List, account.Spec.Address))
                {
                    shown.Add(account);
                    if (shown.Count == search.PageSize)
                    {
                        return Page(account.Spec.Address.Text);
                    }
                }
            }

            if (page.Next is not { } next)
            {
                return Page(null);
            }

            after = next;
        }

        // Of the first page's moment: what is listed was there then, or later.
        AccountSearchPage Page(string? next) => first with { Accounts = shown, Next = next, Position = default };
    }

    /// <inheritdoc/>
    public async Task<HoldPage?> ListHoldsAsync(
        HoldQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        var permissions = Begin();
        Require(permissions, query.Account, "account");
        var page = await inner.ListHoldsAsync(query, timeout, cancellationToken);
        var cut = new AnswerCut(permissions);
        return page is null ? null : page with { Holds = [.. page.Holds.Select(cut.Of)] };
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Account?>> GetAccountsAsync(
        IReadOnlyList<AccountAddress> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        accounts = [.. accounts];
        var permissions = Begin();
        for (var i = 0; i < accounts.Count; i++)
        {
            Require(permissions, accounts[i], $"addresses[{i}]");
        }

        return inner.GetAccountsAsync(accounts, timeout, cancellationToken);
    }

    /// <summary>As the ledger's own. Whoever may not read everything names an account of each transfer.</summary>
    /// <inheritdoc/>
    public async Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyList<TransferKey> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transfers);
        transfers = [.. transfers];
        var permissions = Begin();
        for (var i = 0; i < transfers.Count; i++)
        {
            Require(permissions, transfers[i].Account, $"transfers[{i}].account");
        }

        var found = await inner.GetTransfersAsync(transfers, timeout, cancellationToken);
        var cut = new AnswerCut(permissions);
        return [.. found.Select(record => record is null ? null : cut.Of(record))];
    }

    private static void Require(Permissions permissions, AccountAddress account, string field)
    {
        if (!permissions.Allows(AccessRights.Read, account))
        {
            throw CallAuthorization.Denied(field);
        }
    }

    private Permissions Begin()
    {
        caller.RequireValid(clock);
        return policies.Current.Of(caller.Principal);
    }
}
