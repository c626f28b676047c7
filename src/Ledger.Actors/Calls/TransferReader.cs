using System.Collections.Immutable;
using Ledger.Actors.Accounts;
using Ledger.Actors.HoldExpiry;
using Ledger.Actors.Index;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Finds transfers and transactions, and reads what is recorded of them. Thread-safe.</summary>
/// <param name="dispatcher">Asks the accounts.</param>
/// <param name="reader">Reads their streams.</param>
/// <param name="holds">Finds holds.</param>
/// <param name="recent">What this node has lately seen.</param>
/// <param name="index">The index of transfers; null where it is off.</param>
internal sealed class TransferReader(
    RequestDispatcher dispatcher, AccountStreamReader reader, HoldLocator holds, RecentTransfers recent,
    LedgerIndex? index)
{
    /// <summary>Finds a transfer.</summary>
    /// <param name="key">Its id, and its account where that is known.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The transfer; null where there is none.</returns>
    public async Task<TransferRecord?> FindAsync(TransferKey key, CallEnd end)
    {
        var account = key.Account.IsNone ? await WhereAsync(key.Id, end) : key.Account;
        return account is { } known ? await RecordAsync(known, key.Id, end) : null;
    }

    /// <summary>The account at which a transfer was decided: lately by this node, or for a hold by the
    /// index.</summary>
    /// <param name="id">The transfer.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The account; null where that is not known.</returns>
    public async Task<AccountAddress?> LocateAsync(TransferId id, CallEnd end)
    {
        if (recent.TryFind(id, out var account))
        {
            return account;
        }

        return await dispatcher.ReadAsync(token => holds.LocateAsync(id, token), end) is { } found ? found.Debit : null;
    }

    /// <summary>Reads a transaction, without what its posts and voids leave to their holds.</summary>
    /// <param name="account">Its coordinator.</param>
    /// <param name="id">Its id.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The transaction; null where the account never coordinated it.</returns>
    public async Task<TransactionRecord?> TransactionAsync(AccountAddress account, TransferId id, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            account, (caller, until) => new GetTransactionRequest(id, caller, until), end, retryOverload: true);
        return answer is GetTransactionResponse(var record) ? record : throw CallFailures.Of(answer, isRead: true);
    }

    /// <summary>Reads a transaction, as it is shown.</summary>
    /// <param name="account">Its coordinator.</param>
    /// <param name="id">Its id.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The transaction; null where the account never coordinated it.</returns>
    public async Task<TransactionRecord?> ShownTransactionAsync(AccountAddress account, TransferId id, CallEnd end)
    {
        var record = await TransactionAsync(account, id, end);
        return record is null || !HoldTexts.AreLeftBy(record)
            ? record
            : HoldTexts.Restore(record, await TextsAsync(account, HoldTexts.WantedBy(record), end));
    }

    /// <summary>Reads what moved money under an id: the transfers of a transaction, or one transfer.</summary>
    /// <param name="account">An account of it; of a transaction, the coordinator.</param>
    /// <param name="id">The id.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>What moved money, in order; empty where nothing did.</returns>
    public async Task<ImmutableArray<MovedTransfer>> OriginalAsync(AccountAddress account, TransferId id, CallEnd end)
    {
        if (await TransactionAsync(account, id, end) is { Result.IsCommitted: true } transaction)
        {
            return ReversalPlan.MovedBy(transaction);
        }

        return await RecordAsync(account, id, end) is { Status: TransferStatus.Created } record
            ? [new MovedTransfer(record.Transfer, record.Amount)]
            : [];
    }

    /// <summary>Reads a page of the live holds of an account, as they are shown.</summary>
    /// <param name="query">Which.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The page; null where there is no such account.</returns>
    public async Task<HoldPage?> HoldsAsync(HoldQuery query, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            query.Account,
            (caller, until) => new ListHoldsRequest(query.After, query.PageSize, query.ExpireBefore, caller, until),
            end,
            retryOverload: true);
        if (answer is not ListHoldsResponse page)
        {
            throw CallFailures.Of(answer, isRead: true);
        }

        if (page.View is not { } view)
        {
            return null;
        }

        var wanted = HoldTexts.WantedBy(page);
        var texts = wanted.Count == 0
            ? ImmutableDictionary<TransferId, Transfer>.Empty
            : await TextsAsync(query.Account, wanted, end);
        var (shown, next) = HoldTexts.Restore(page, view, texts);
        return new HoldPage(shown, view, next);
    }

    /// <summary>Answers a transfer whose id this node has lately seen used between other accounts: an account knows
    /// only the ids of its own transfers.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="coordinator">The account that will be asked for it, and knows by itself; none for no
    /// account.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The answer; null where the account is to be asked.</returns>
    public async Task<TransferResult?> KnownElsewhereAsync(Transfer transfer, AccountAddress coordinator, CallEnd end)
    {
        if (!recent.TryFind(transfer.Id, out var known) || known == coordinator)
        {
            return null;
        }

        // Memory only says where to look; what is answered is what that account's journal says.
        return await RecordAsync(known, transfer.Id, end) is { } record ? IdReuse.ResultOf(record, transfer) : null;
    }

    /// <summary>Finds the first leg whose id this node has lately seen used between other accounts.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="count">How many of its legs.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <returns>The leg and its reason; null where there is none.</returns>
    public async Task<LegFailure?> FirstUsedElsewhereAsync(Transaction transaction, int count, CallEnd end)
    {
        for (var i = 0; i < count; i++)
        {
            if (transaction.Legs[i].Transfer is { } transfer && recent.TryFind(transfer.Id, out var known)
                && known != transfer.DebitAccount && known != transfer.CreditAccount
                && await KnownElsewhereAsync(transfer, default, end) is { } elsewhere)
            {
                return new LegFailure(i, elsewhere.Status);
            }
        }

        return null;
    }

    /// <summary>Completes the posts and voids of a transaction from their holds, as far as these are known.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="end">When to stop waiting.</param>
    public async Task<Transaction> WithHoldAccountsAsync(Transaction transaction, CallEnd end)
    {
        ImmutableArray<TransactionLeg>.Builder? legs = null;
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            if (HoldCompletion.IncompleteIn(transaction.Legs[i]) is not { } transfer)
            {
                continue;
            }

            // The hold may be made by an earlier leg.
            var hold = HoldCompletion.HoldIn(transaction.Legs, i, transfer.HoldId);
            if (hold is null && await LocateAsync(transfer.HoldId, end) is { } account)
            {
                // Its accounts and its asset are all that is wanted: of thousands, each one's text would be read from
                // the journal.
                hold = (await RecordWithoutTextAsync(account, transfer.HoldId, end))?.Transfer;
            }

            if (hold is not null)
            {
                legs ??= transaction.Legs.ToBuilder();
                legs[i] = TransactionLeg.Of(HoldCompletion.Complete(transfer, hold));
            }
        }

        return legs is null ? transaction : transaction with { Legs = legs.ToImmutable() };
    }

    private async Task<TransferRecord?> RecordAsync(AccountAddress account, TransferId id, CallEnd end)
    {
        var record = await RecordWithoutTextAsync(account, id, end);
        if (record is null || HoldTexts.WantedBy(record) is not { } wanted)
        {
            return record;
        }

        var texts = await TextsAsync(account, [wanted], end);
        return HoldTexts.Restore(record, texts[wanted.Hold]);
    }

    // As the account has it: what is written in another row, as a hold's reference and metadata are, is not fetched.
    private async Task<TransferRecord?> RecordWithoutTextAsync(AccountAddress account, TransferId id, CallEnd end)
    {
        var answer = await dispatcher.AskAsync(
            account, (caller, until) => new GetTransferRequest(id, caller, until), end, retryOverload: true);
        return answer is GetTransferResponse(var record) ? record : throw CallFailures.Of(answer, isRead: true);
    }

    private Task<IReadOnlyDictionary<TransferId, Transfer>> TextsAsync(
        AccountAddress account, IReadOnlyList<(long Row, TransferId Hold)> wanted, CallEnd end) =>
        dispatcher.ReadAsync(token => reader.HoldsAsync(account, wanted, token), end);

    // Where a transfer is, by its id alone; null where the index says that there is none. Without the index that is
    // never known.
    private async Task<AccountAddress?> WhereAsync(TransferId id, CallEnd end)
    {
        if (index is null)
        {
            return await LocateAsync(id, end) ?? throw CallFailures.NotRemembered(id, "account");
        }

        try
        {
            return await dispatcher.ReadAsync(token => WhereAsync(index, id, end.Deadline, token), end);
        }
        catch (LedgerException e) when (e.Reason == LedgerErrorReason.IndexBehind)
        {
            // What this node or the hold index remembers may do.
            if (await LocateAsync(id, end) is { } remembered)
            {
                return remembered;
            }

            throw;
        }
    }

    private static async Task<AccountAddress?> WhereAsync(
        LedgerIndex index, TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var found = await index.LocateAsync(id, cancellationToken);
        if (!found.Any(static one => one.IsCreated))
        {
            // That there is none, or none but rejections, is only true of all that was committed by now.
            await index.WaitForAllAsync(deadline, cancellationToken);
            found = await index.LocateAsync(id, cancellationToken);
        }

        var created = found.Where(static one => one.IsCreated).ToList();
        return created.Count > 0 ? Only(created, id)
            : found.Count > 0 ? Only(found, id)
            : null;
    }

    private static AccountAddress Only(IReadOnlyList<(AccountAddress Debit, bool IsCreated)> found, TransferId id) =>
        found.Count == 1
            ? found[0].Debit
            : throw new LedgerException(
                LedgerErrorReason.TransferIdAmbiguous,
                $"There are transfers with the id {id} on several accounts: name the account of the one that is meant.",
                "account");
}
