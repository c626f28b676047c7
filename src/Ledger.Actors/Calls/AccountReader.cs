using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Reads accounts, one or many, and their statements. Thread-safe.</summary>
/// <param name="dispatcher">Asks the accounts.</param>
/// <param name="reader">Reads their streams.</param>
internal sealed class AccountReader(RequestDispatcher dispatcher, AccountStreamReader reader)
{
    // Each has a thousand accounts at most, with their texts.
    private const int ListsAtOnceMax = 8;

    private readonly SemaphoreSlim lists = new(ListsAtOnceMax);

    /// <summary>Reads an account.</summary>
    /// <param name="query">Which.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The account; null where there is none.</returns>
    public async Task<Account?> GetAsync(AccountQuery query, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            query.Account, static (caller, until) => new GetAccountRequest(caller, until), end, retryOverload: true);
        var view = answer is GetAccountResponse(var read) ? read : throw CallFailures.Of(answer, isRead: true);
        return view?.Doubt is { } doubt && !query.AllowInDoubt ? throw CallFailures.Of(doubt) : view;
    }

    /// <summary>Reads many accounts.</summary>
    /// <param name="accounts">Which.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The accounts, in the same order; null for what is not there.</returns>
    public async Task<Account?[]> GetAllAsync(AccountAddress[] accounts, CallEnd end)
    {
        var answers = ManyCalls.Ask(accounts.Length, i => AskForListAsync(accounts[i], end));
        var views = new Account?[accounts.Length];
        long size = EncodedSize.Row;
        await ManyCalls.CollectAsync(answers, (i, answer) =>
        {
            views[i] = ((GetAccountResponse)answer).View;
            size += views[i] is { } view ? EncodedSize.OfAccount(view) : 0;
        });
        CallFailures.ThrowIf(RequestRules.CheckAnswer(size, "accounts"));
        return views;
    }

    /// <summary>Reads a page of all accounts, in the order of their addresses.</summary>
    /// <param name="after">The address after which it begins; null for the first.</param>
    /// <param name="limit">How many accounts at most.</param>
    /// <param name="end">When to stop waiting.</param>
    public async Task<AccountPage> ListAsync(string? after, int limit, CallEnd end)
    {
        await dispatcher.EnterAsync(lists, end);
        try
        {
            return await ListOneAsync(after, limit, end);
        }
        finally
        {
            lists.Release();
        }
    }

    private async Task<AccountPage> ListOneAsync(string? after, int limit, CallEnd end)
    {
        var prefix = AccountActor.PersistenceIdPrefix;
        var ids = await dispatcher.ReadAsync(
            token => reader.Streams.ListStreamsAsync(prefix, after is null ? null : prefix + after, limit, token), end);
        var answers = ManyCalls.Ask(ids.Count, i => AccountAddress.TryParse(ids[i][prefix.Length..], out var address)
            ? AskForListAsync(address, end)
            : Task.FromResult<AccountResponse>(new GetAccountResponse(null))); // A stream of somebody else's.
        var views = new List<Account>(ids.Count);
        var size = EncodedSize.Row;
        var taken = ids.Count;
        await ManyCalls.CollectAsync(answers, (i, answer) =>
        {
            // A stream that holds nothing but rejections is not an account.
            if (i < taken && ((GetAccountResponse)answer).View is { } view)
            {
                size += EncodedSize.OfAccount(view);
                if (size > LedgerSizes.AnswerMax && views.Count > 0)
                {
                    taken = i;
                    return;
                }

                views.Add(view);
            }
        });
        return new AccountPage(views, taken == limit || taken < ids.Count ? ids[taken - 1][prefix.Length..] : null);
    }

    /// <summary>Reads a page of a statement.</summary>
    /// <param name="query">Which.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The page; null where there is no such account.</returns>
    public async Task<StatementPage?> StatementAsync(StatementQuery query, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            query.Account, static (caller, until) => new FlushRequest(caller, until), end, retryOverload: true);
        if (answer is not FlushResponse fence)
        {
            throw CallFailures.Of(answer, isRead: true);
        }

        return fence.Exists
            ? (await dispatcher.ReadAsync(token => reader.ReadPageAsync(query, fence, token), end)) with
            {
                CompleteUpTo = fence.CompleteUpTo,
            }
            : null;
    }

    // One whose very opening is in doubt is not there yet: it must not keep a page from being listed.
    private async Task<AccountResponse> AskForListAsync(AccountAddress account, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            account, static (caller, until) => new GetAccountRequest(caller, until), end, retryOverload: true);
        return answer is RequestFailed(RequestFailure.AccountInDoubt) ? new GetAccountResponse(null) : answer;
    }
}
