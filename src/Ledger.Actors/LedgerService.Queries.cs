using Ledger.Actors.Index;
using Ledger.Core;

namespace Ledger.Actors;

/// <content>Questions across accounts.</content>
internal sealed partial class LedgerService : ILedgerQueries
{
    /// <summary>The index of transfers and accounts; null where it is off.</summary>
    public LedgerIndex? Index { get; init; }

    public async Task<TransferSearchPage> SearchTransfersAsync(
        TransferSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var index = RequireIndex();
        RequireLimit(search.Limit);
        SearchRules.Check(search.Filter);
        var (deadline, row) = (Begin(1, timeout), default(RowPosition));
        try
        {
            row = RowOf(search.AtLeast);
            var epoch = Epoch;
            return await ReadAsync(
                async token =>
                {
                    var state = await index.WaitForAsync(row, deadline, token);
                    return (await index.SearchAsync(search, state, token)) with { Epoch = epoch };
                },
                deadline, cancellationToken);
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<AccountSearchPage> SearchAccountsAsync(
        AccountSearch search, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var index = RequireIndex();
        RequireLimit(search.Limit);
        SearchRules.Check(search.Filter);
        var deadline = Begin(1, timeout);
        try
        {
            var row = RowOf(search.AtLeast);
            var epoch = Epoch;
            return await ReadAsync(
                async token =>
                {
                    var state = await index.WaitForAsync(row, deadline, token);
                    return (await index.SearchAsync(search, state, token)) with { Epoch = epoch };
                },
                deadline, cancellationToken);
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<HoldPage?> ListHoldsAsync(
        HoldQuery query, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        RequireAddress(query.Account, "account");
        RequireLimit(query.Limit);
        var deadline = Begin(1, timeout);
        try
        {
            var epoch = Epoch;
            var answer = await AskAsync(
                query.Account,
                (caller, until) => new ListHoldsRequest(query.After, query.Limit, query.ExpireBefore, caller, until), deadline, true,
                cancellationToken);
            if (answer is not ListHoldsResponse page)
            {
                throw Failed(answer, isRead: true);
            }

            return page.View is not { } view
                ? null
                : (await ShownAsync(query.Account, page, view, deadline, cancellationToken)) with { Epoch = epoch };
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<IReadOnlyList<AccountView?>> GetAccountsAsync(
        IReadOnlyList<AccountAddress> accounts, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        AccountAddress[] asked = [.. accounts];
        CheckBatch(asked.Length, "accounts");
        for (var i = 0; i < asked.Length; i++)
        {
            RequireAddress(asked[i], $"accounts[{i}]");
        }

        var deadline = Begin(asked.Length, timeout);
        try
        {
            var answers = asked.Select(account => (Task<AccountResponse>?)AskForListAsync(account, deadline, cancellationToken)).ToArray();
            var views = new AccountView?[asked.Length];
            long size = EncodedSize.Row;
            await CollectAsync(answers, (i, answer) =>
            {
                views[i] = ((GetAccountResponse)answer).View;
                size += views[i] is { } view ? EncodedSize.OfAccount(view) : 0;
            });
            return size <= LedgerSizes.AnswerMax ? views : throw TooMuch(size, "accounts");
        }
        finally
        {
            calls.Leave(asked.Length);
        }
    }

    public async Task<IReadOnlyList<TransferRecord?>> GetTransfersAsync(
        IReadOnlyList<TransferKey> transfers, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        TransferKey[] asked = [.. transfers];
        CheckBatch(asked.Length, "transfers");
        for (var i = 0; i < asked.Length; i++)
        {
            if (asked[i].Id.IsNil)
            {
                throw new LedgerException(LedgerErrorReason.InvalidArgument, "The id is empty.", $"transfers[{i}].id");
            }
        }

        var deadline = Begin(asked.Length, timeout);
        try
        {
            var records = await AllAsync([.. asked.Select(one => FindAsync(one, deadline, cancellationToken))]);
            long size = EncodedSize.Row;
            foreach (var record in records)
            {
                size += record is null ? 0 : EncodedSize.OfTransfer(record.Transfer) + EncodedSize.Row;
            }

            return size <= LedgerSizes.AnswerMax ? records : throw TooMuch(size, "transfers");
        }
        finally
        {
            calls.Leave(asked.Length);
        }
    }

    private async Task<TransferRecord?> FindAsync(TransferKey key, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var account = key.Account.IsNone ? await WhereAsync(key.Id, deadline, cancellationToken) : key.Account;
        return account is { } known ? await RecordAsync(known, key.Id, deadline, cancellationToken) : null;
    }

    // Where a transfer is, by its id alone; null where the index says that there is none. Without the index that is
    // never known.
    private async Task<AccountAddress?> WhereAsync(TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (Index is not { } index)
        {
            return await LocateAsync(id, deadline, cancellationToken) ?? throw NotRemembered(id, "account");
        }

        try
        {
            return await ReadAsync(
                async token =>
                {
                    var found = await index.LocateAsync(id, token);
                    if (!found.Any(static one => one.IsCreated))
                    {
                        // That there is none, or none but rejections, is only true of all that was committed by now.
                        await index.WaitForAllAsync(deadline, token);
                        found = await index.LocateAsync(id, token);
                    }

                    var created = found.Where(static one => one.IsCreated).ToList();
                    return created.Count > 0 ? Only(created, id)
                        : found.Count > 0 ? Only(found, id)
                        : default(AccountAddress?);
                },
                deadline, cancellationToken);
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.IndexBehind)
        {
            // What this node or the hold index remembers may do.
            if (await LocateAsync(id, deadline, cancellationToken) is { } remembered)
            {
                return remembered;
            }

            throw;
        }
    }

    private static AccountAddress Only(IReadOnlyList<(AccountAddress Debit, bool IsCreated)> found, TransferId id) =>
        found.Count == 1
            ? found[0].Debit
            : throw new LedgerException(
                LedgerErrorReason.TransferIdAmbiguous,
                $"There are transfers with the id {id} on several accounts: name the account of the one that is meant.", "account");

    // With the reference and the metadata of each hold, which its account keeps in its journal alone.
    private async Task<HoldPage> ShownAsync(
        AccountAddress account, ListHoldsResponse page, AccountView view, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var wanted = page.Holds.Where(static one => one.HoldRow > 0).Select(static one => (one.HoldRow, one.Transfer.Id)).ToList();
        var texts = wanted.Count == 0
            ? new Dictionary<TransferId, Transfer>()
            : await ReadAsync(token => reader.HoldsAsync(account, wanted, token), deadline, cancellationToken);
        var shown = new List<TransferRecord>(page.Holds.Count);
        long size = EncodedSize.Row + EncodedSize.OfAccount(view);
        var next = page.HasMore && page.Holds.Count > 0 ? page.Holds[^1].Transfer.Id : default;
        foreach (var bare in page.Holds)
        {
            var record = bare;
            if (bare.HoldRow > 0)
            {
                if (!texts.TryGetValue(bare.Transfer.Id, out var text))
                {
                    next = shown[^1].Transfer.Id;
                    break;
                }

                record = bare with { Transfer = bare.Transfer.WithTextOf(text.Reference, text.Metadata), HoldRow = 0 };
            }

            size += EncodedSize.OfTransfer(record.Transfer) + EncodedSize.Row;
            if (size > LedgerSizes.AnswerMax && shown.Count > 0)
            {
                next = shown[^1].Transfer.Id;
                break;
            }

            shown.Add(record);
        }

        return new HoldPage(shown, view, next);
    }

    private LedgerIndex RequireIndex() => Index ?? throw new LedgerException(
        LedgerErrorReason.IndexOff,
        "This node keeps no index of transfers and accounts, so it can't search them. The operator turns it on with"
        + " Ledger:Index:Enabled.");

    private RowPosition RowOf(string text)
    {
        if (text.Length == 0)
        {
            return default;
        }

        if (!positions.TryRead(text, out var epoch, out var row))
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, "It is no position that this ledger has answered with.", "at_least");
        }

        return epoch == Epoch ? row : throw new LedgerException(
            LedgerErrorReason.InvalidArgument,
            $"The position is of epoch {epoch}, and the ledger is in epoch {Epoch}: its database has lost commits in between,"
            + " and what was there then may be there no more.",
            "at_least");
    }

    private static LedgerException TooMuch(long size, string field) => new(
        LedgerErrorReason.BatchTooLarge,
        $"The answer would have {size} bytes; at most {LedgerSizes.AnswerMax} are sent. Ask for fewer.", field)
    {
        Size = size, Limit = LedgerSizes.AnswerMax,
    };
}
