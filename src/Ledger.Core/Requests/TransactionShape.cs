namespace Ledger.Core;

/// <summary>What can be said of a transaction as a whole without any account.</summary>
internal static class TransactionShape
{
    /// <summary>Finds the first leg that can't be, whatever the accounts have.</summary>
    /// <param name="transaction">The transaction, with the accounts of holds that are known.</param>
    /// <returns>The leg and its reason; null where none is malformed.</returns>
    public static LegFailure? FirstMalformed(Transaction transaction)
    {
        var seen = new Dictionary<TransferId, Transfer>();
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            var leg = transaction.Legs[i];
            var reason = leg.Transfer is { } transfer
                ? CheckTransfer(transfer, i, transaction.Legs.Length > 1, seen)
                : (TransferStatus)(int)AccountDecider.CheckShape(leg.Opening!);
            if (reason != TransferStatus.None)
            {
                return new LegFailure(i, reason);
            }
        }

        return null;
    }

    /// <summary>The account that a transaction is sent to: the first transfer's debit account, or where it only opens
    /// accounts, the first of them.</summary>
    /// <param name="transaction">The transaction.</param>
    public static AccountAddress CoordinatorOf(Transaction transaction)
    {
        foreach (var leg in transaction.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                return transfer.DebitAccount;
            }
        }

        return transaction.Legs[0].Opening!.Address;
    }

    /// <summary>What became of a transfer that was sent as a transaction of its own.</summary>
    /// <param name="transfer">The transfer, the transaction's last leg.</param>
    /// <param name="result">What became of the transaction.</param>
    public static TransferResult AsTransfer(Transfer transfer, TransactionResult result)
    {
        var leg = result.Legs.Length > 0 ? result.Legs[^1] : default;
        return new TransferResult(
            transfer.Id,
            result.IsCommitted || leg.Transfer == TransferStatus.None ? result.Status : leg.Transfer,
            result.CreateTime, result.Replayed, result.BalanceSeen)
        {
            Amount = leg.Amount,
            Position = result.Position,
            DebitAfter = result.AfterOf(transfer.DebitAccount),
            CreditAfter = result.AfterOf(transfer.CreditAccount),
        };
    }

    private static TransferStatus CheckTransfer(
        Transfer transfer, int index, bool ledgerRequired, Dictionary<TransferId, Transfer> seen)
    {
        var reason = TransferContent.CheckShape(transfer, ledgerRequired);
        if (reason == TransferStatus.None && transfer.ResolvesHold
            && (transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone))
        {
            reason = TransferStatus.PendingTransferNotFound;
        }

        if (reason == TransferStatus.None && !seen.TryAdd(transfer.Id, transfer))
        {
            var first = seen[transfer.Id];
            reason = TransferContent.Compare(new ResolvedLeg(index, first, null) { Amount = first.Amount }, transfer);
        }

        return reason;
    }
}
