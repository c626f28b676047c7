namespace Ledger.Core;

/// <summary>An account knows only the ids of its own transfers. What is answered where one is known elsewhere to be
/// used.</summary>
internal static class IdReuse
{
    /// <summary>Answers a transfer whose id another account has on record.</summary>
    /// <param name="record">What that account's journal says.</param>
    /// <param name="transfer">The transfer that is asked for.</param>
    /// <returns>The answer; null where the id is free again.</returns>
    public static TransferResult? ResultOf(TransferRecord record, Transfer transfer)
    {
        if (record.Status != TransferStatus.Created)
        {
            return IdempotencyDetails.ConsumesId(record.Status)
                ? new TransferResult(transfer.Id, TransferStatus.IdAlreadyFailed, default, false, null)
                : null;
        }

        var difference = TransferContent.Compare(
            new ResolvedLeg(0, record.Transfer, null) { Amount = record.Amount, HoldRemaining = record.Amount },
            transfer);
        return difference == TransferStatus.Exists
            ? new TransferResult(transfer.Id, difference, record.CreateTime, Replayed: true, null)
            {
                Amount = record.Amount,
            }
            : new TransferResult(transfer.Id, difference, default, Replayed: false, null);
    }
}
