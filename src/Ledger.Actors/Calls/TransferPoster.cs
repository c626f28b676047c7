using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Has transfers, transactions and openings decided for one asker. Thread-safe.</summary>
/// <param name="dispatcher">Asks the accounts.</param>
/// <param name="transfers">Finds holds, and ids that are used elsewhere.</param>
/// <param name="recent">Where this node has lately seen ids.</param>
/// <param name="asker">Who asks.</param>
internal sealed class TransferPoster(
    RequestDispatcher dispatcher, TransferReader transfers, RecentTransfers recent, Asker asker)
{
    /// <summary>Asks an account to open.</summary>
    /// <param name="spec">What it is opened with; well-shaped.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <param name="retryOverload">Whether overload is retried.</param>
    /// <returns>The account's answer.</returns>
    public Task<AccountResponse> AskToOpenAsync(AccountSpec spec, CallEnd end, bool retryOverload) =>
        dispatcher.AskAsync(
            spec.Address,
            (caller, until) => new OpenAccountRequest(spec, caller, until) { Principal = asker.Principal }, end,
            retryOverload);

    /// <summary>Opens an account.</summary>
    /// <param name="spec">What it is opened with.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <param name="retryOverload">Whether overload is retried.</param>
    public async Task<OpenAccountResult> OpenAsync(AccountSpec spec, CallEnd end, bool retryOverload)
    {
        var shape = AccountDecider.CheckShape(spec);
        if (shape != AccountStatus.None)
        {
            return new OpenAccountResult(spec.Address, shape, default);
        }

        var answer = await AskToOpenAsync(spec, end, retryOverload);
        return answer is OpenAccountResponse(var result) ? result : throw CallFailures.Of(answer);
    }

    /// <summary>Posts a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="end">When to stop waiting.</param>
    /// <param name="retryOverload">Whether overload is retried.</param>
    public async Task<TransferResult> PostAsync(Transfer transfer, CallEnd end, bool retryOverload)
    {
        var shape = TransferContent.CheckShape(transfer);
        if (shape != TransferStatus.None)
        {
            return new TransferResult(transfer.Id, shape, default, false, null);
        }

        if (transfer.OpenAccounts)
        {
            return TransactionShape.AsTransfer(
                transfer, await PostAsync(Transaction.Of(transfer.Id, transfer), chainOpen: false, end));
        }

        var coordinator = transfer.DebitAccount;
        if (transfer.ResolvesHold)
        {
            if (await transfers.LocateAsync(transfer.HoldId, end) is { } found)
            {
                coordinator = found;
            }
            else if (coordinator.IsNone || coordinator.IsReserved)
            {
                // No account is known that could write it down. So nothing is decided, and nothing remembered: the next
                // node would not know of it, and the same may be asked again once the hold is there.
                return await transfers.KnownElsewhereAsync(transfer, default, end)
                    ?? new TransferResult(transfer.Id, TransferStatus.PendingTransferNotFound, default, false, null);
            }
        }

        if (await transfers.KnownElsewhereAsync(transfer, coordinator, end) is { } elsewhere)
        {
            return elsewhere;
        }

        var answer = await dispatcher.AskAsync(
            coordinator, (caller, until) => new PostTransferRequest(transfer, caller, until)
            {
                Principal = asker.Principal, ReturnBalances = asker.ReturnBalances,
            }, end, retryOverload);
        if (answer is not PostTransferResponse(var result))
        {
            throw CallFailures.Of(answer);
        }

        recent.Remember(result, coordinator);
        return result;
    }

    /// <summary>Posts a transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="chainOpen">Whether it is a chain of a batch that ends before the chain does: then it is
    /// rejected.</param>
    /// <param name="end">When to stop waiting.</param>
    public async Task<TransactionResult> PostAsync(Transaction transaction, bool chainOpen, CallEnd end)
    {
        var id = TransferContent.CheckId(transaction.Id);
        if (id != TransferStatus.None)
        {
            return TransactionRejection.OfId(transaction, id);
        }

        CallFailures.ThrowIf(RequestRules.CheckSize(transaction));
        transaction = await transfers.WithHoldAccountsAsync(transaction, end);
        if (await FindFailureAsync(transaction, chainOpen, end) is { } failure)
        {
            // Legs before it may fail first; nothing is done, whatever they say. Where the hold of a leg is not known,
            // the same may be asked again once it is.
            return TransactionRejection.Of(transaction, await TryAsync(transaction, failure.Leg, end) ?? failure);
        }

        var plan = OpeningsPlan.Of(transaction);
        var coordinator = TransactionShape.CoordinatorOf(plan.Whole);
        var whole = plan.Whole;
        var answer = await dispatcher.AskAsync(
            coordinator, (caller, until) => new PostTransactionRequest(whole, caller, until)
            {
                Principal = asker.Principal, ReturnBalances = asker.ReturnBalances,
            }, end, retryOverload: false);
        if (answer is not PostTransactionResponse(var result))
        {
            throw CallFailures.Of(answer);
        }

        result = plan.ResultOf(result);
        recent.Remember(transaction, result, coordinator);
        return result;
    }

    // The leg for which the transaction fails before any account is asked to do it; null where there is none.
    private async Task<LegFailure?> FindFailureAsync(Transaction transaction, bool chainOpen, CallEnd end)
    {
        var malformed = TransactionShape.FirstMalformed(transaction);
        if (malformed is not { Leg: 0 })
        {
            // The leg that failed in this very transaction is no other use: its coordinator answers the retry as it did
            // before.
            var used = await transfers.FirstUsedElsewhereAsync(
                transaction, malformed?.Leg ?? transaction.Legs.Length, end);
            if (used is not null && await transfers.TransactionAsync(
                TransactionShape.CoordinatorOf(transaction), transaction.Id, end) is null)
            {
                return used;
            }
        }

        return malformed ?? (chainOpen
            ? new LegFailure(transaction.Legs.Length - 1, TransferStatus.LinkedEventChainOpen)
            : null);
    }

    // The leg that would fail first among the first ones; null where none would.
    private async Task<LegFailure?> TryAsync(Transaction transaction, int count, CallEnd end)
    {
        if (count == 0)
        {
            return null;
        }

        var plan = OpeningsPlan.Of(transaction with { Legs = transaction.Legs[..count] });
        var first = plan.Whole;
        var answer = await dispatcher.AskAsync(
            TransactionShape.CoordinatorOf(first),
            (caller, until) => new PostTransactionRequest(first, caller, until) { IsDryRun = true }, end,
            retryOverload: true);
        return answer is PostTransactionResponse(var result) ? plan.FailureOf(result) : throw CallFailures.Of(answer);
    }
}
