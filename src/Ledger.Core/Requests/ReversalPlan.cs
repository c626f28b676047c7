using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>How a transfer, or a whole transaction, is taken back: by a transaction of the opposite transfers.
/// Immutable.</summary>
/// <param name="Id">The id of the correction.</param>
/// <param name="OriginalId">The id of what is taken back.</param>
/// <param name="Reason">Why.</param>
internal sealed record ReversalPlan(TransferId Id, TransferId OriginalId, string Reason)
{
    /// <summary>How much of a single transfer; null for what is left of it.</summary>
    public Amount? Part { get; init; }

    /// <summary>The code of the correction; 0 for that of the original.</summary>
    public uint Code { get; init; }

    /// <summary>The reference of the correction.</summary>
    public string Reference { get; init; } = "";

    /// <summary>When the correction counts; null for when it is committed.</summary>
    public LedgerTime? EffectiveTime { get; init; }

    /// <summary>What moved money in a transaction, in its order: neither holds nor voids did.</summary>
    /// <param name="record">The transaction.</param>
    public static ImmutableArray<MovedTransfer> MovedBy(TransactionRecord record)
    {
        var moved = ImmutableArray.CreateBuilder<MovedTransfer>();
        for (var i = 0; i < record.Transaction.Legs.Length; i++)
        {
            if (record.Transaction.Legs[i].Transfer is { } transfer
                && transfer.Kind is TransferKind.Direct or TransferKind.PostHold)
            {
                moved.Add(new MovedTransfer(transfer, record.Result.Legs[i].Amount));
            }
        }

        return moved.ToImmutable();
    }

    /// <summary>Checks what is asked for, before the original is known.</summary>
    public RequestProblem? Check() =>
        RequestRules.CheckReason(Reason)
        ?? (Reason.Length == 0
            ? new RequestProblem(RequestProblemKind.InvalidArgument, "A correction needs a reason", "reason")
            : null)
        ?? RequestRules.CheckReference(Reference)
        ?? RequestRules.CheckEffectiveTime(EffectiveTime);

    /// <summary>Checks what is asked for against the original.</summary>
    /// <param name="account">The account that was asked for it.</param>
    /// <param name="original">What it moved.</param>
    public RequestProblem? CheckOriginal(AccountAddress account, ImmutableArray<MovedTransfer> original) =>
        original.IsEmpty ? new RequestProblem(
            RequestProblemKind.NotFound,
            $"No transaction or transfer {OriginalId} that moved money was found on {account}", "transaction_id")
        : original.Length > 1 && Part is not null ? new RequestProblem(
            RequestProblemKind.InvalidArgument,
            "Only a single transfer can be taken back in part: name one of the transaction's transfers", "amount")
        : null;

    /// <summary>Makes the transaction. The last movement is taken back first, so that money goes back the way it
    /// came.</summary>
    /// <param name="original">What is taken back; not empty.</param>
    public Transaction TransactionOf(ImmutableArray<MovedTransfer> original)
    {
        var legs = ImmutableArray.CreateBuilder<TransactionLeg>(original.Length);
        for (var i = original.Length - 1; i >= 0; i--)
        {
            var (transfer, moved) = original[i];
            legs.Add(TransactionLeg.Of(new Transfer(
                original.Length == 1 ? Id : Transaction.LegId(Id, legs.Count),
                transfer.CreditAccount, transfer.DebitAccount,
                original.Length > 1 ? moved : Part ?? Amount.MaxValue,
                Code == 0 ? transfer.Code : Code)
            {
                Asset = transfer.Asset,
                Reference = Reference,
                Reverses = transfer.Id,
                Reason = Reason,
                EffectiveTime = EffectiveTime,
            }));
        }

        return new Transaction(Id, legs.MoveToImmutable());
    }
}
