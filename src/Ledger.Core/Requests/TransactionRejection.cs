using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>The result of a transaction that is rejected: one leg has the reason, and all others failed with
/// it.</summary>
internal static class TransactionRejection
{
    /// <summary>Makes the result of a transaction that no account has decided.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="failure">The leg that failed.</param>
    public static TransactionResult Of(Transaction transaction, LegFailure failure)
    {
        var legs = ImmutableArray.CreateBuilder<LegResult>(transaction.Legs.Length);
        var status = failure.Reason;
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            Add(legs, transaction.Legs[i].Opening is not null, i == failure.Leg, failure.Reason, ref status);
        }

        return new TransactionResult(
            transaction.Id, status, failure.Leg, default, Replayed: false, null, legs.MoveToImmutable());
    }

    /// <summary>Makes the result of a transaction whose own id can't be one.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="reason">Why.</param>
    public static TransactionResult OfId(Transaction transaction, TransferStatus reason) =>
        Of(transaction, new LegFailure(0, reason)) with { Status = reason };

    /// <summary>Makes the result of a transaction that an account has decided.</summary>
    /// <param name="branch">The transaction.</param>
    /// <param name="failedLeg">The leg that failed.</param>
    /// <param name="reason">Why; of an opening, the number of an <see cref="AccountStatus"/>.</param>
    /// <param name="time">When; none for what is not journaled.</param>
    /// <param name="seen">The balances that the account saw, for what is journaled.</param>
    /// <param name="replayed">Whether an earlier request had decided it.</param>
    /// <param name="position">The row that decided it; none where this request wrote none.</param>
    public static TransactionResult Of(
        TransactionBranch branch, int failedLeg, TransferStatus reason, LedgerTime time, Balances? seen, bool replayed,
        RowPosition position = default)
    {
        var legs = ImmutableArray.CreateBuilder<LegResult>(branch.Legs.Length);
        var status = reason;
        foreach (var leg in branch.Legs)
        {
            Add(legs, leg.Transfer is null, leg.Index == failedLeg, reason, ref status);
        }

        return new TransactionResult(branch.Id, status, failedLeg, time, replayed, seen, legs.MoveToImmutable())
        {
            Position = position,
        };
    }

    // The reason of an opening is no status of a transfer, and so none of the transaction.
    private static void Add(
        ImmutableArray<LegResult>.Builder legs, bool isOpening, bool isFailed, TransferStatus reason,
        ref TransferStatus status)
    {
        if (isOpening)
        {
            legs.Add(new LegResult(
                TransferStatus.None, isFailed ? (AccountStatus)(int)reason : AccountStatus.LinkedEventFailed,
                Amount.Zero));
            status = isFailed ? TransferStatus.LinkedEventFailed : status;
        }
        else
        {
            legs.Add(new LegResult(
                isFailed ? reason : TransferStatus.LinkedEventFailed, AccountStatus.None, Amount.Zero));
        }
    }
}
