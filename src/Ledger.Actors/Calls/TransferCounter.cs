using Ledger.Actors.Telemetry;

namespace Ledger.Actors.Calls;

/// <summary>Counts what transfers are answered. Thread-safe.</summary>
/// <param name="metrics">Where; null for nowhere.</param>
internal sealed class TransferCounter(NodeMetrics? metrics)
{
    /// <summary>Counts a transfer.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="result">What became of it.</param>
    public void Count(Transfer transfer, TransferResult result)
    {
        if (metrics is { CountsTransfers: true })
        {
            metrics.Answered(transfer, result.Status, result.Replayed);
        }
    }

    /// <summary>Counts the transfers of a call that are decided. Where some failed, the caller learns nothing of the
    /// others; they are decided all the same.</summary>
    /// <param name="transfers">The transfers.</param>
    /// <param name="results">What becomes of them, in the same order; none is under way any more.</param>
    public void Count(IReadOnlyList<Transfer> transfers, Task<TransferResult>[] results)
    {
        if (metrics is not { CountsTransfers: true })
        {
            return;
        }

        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] is { IsCompletedSuccessfully: true } decided)
            {
                Count(transfers[i], decided.Result);
            }
        }
    }

    /// <summary>Counts the transfers of a transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="result">What became of it.</param>
    public void Count(Transaction transaction, TransactionResult result)
    {
        if (metrics is not { CountsTransfers: true })
        {
            return;
        }

        for (var i = 0; i < transaction.Legs.Length && i < result.Legs.Length; i++)
        {
            if (transaction.Legs[i].Transfer is { } transfer)
            {
                metrics.Answered(transfer, result.Legs[i].Transfer, result.Replayed);
            }
        }
    }
}
