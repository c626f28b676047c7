using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>How all holds of a transaction are posted, or voided, at once: by a transaction of as many posts or voids.
/// Immutable.</summary>
/// <param name="Id">The id of that transaction.</param>
/// <param name="Account">The account that coordinated the one that made the holds.</param>
/// <param name="TransactionId">The id of that one.</param>
/// <param name="IsPost">Whether they are posted, and not voided.</param>
internal sealed record ResolutionPlan(TransferId Id, AccountAddress Account, TransferId TransactionId, bool IsPost)
{
    /// <summary>When it counts; null for when it is committed.</summary>
    public LedgerTime? EffectiveTime { get; init; }

    /// <summary>Checks what is asked for, before the transaction is known.</summary>
    public RequestProblem? Check() =>
        RequestRules.CheckAddress(Account, "account") ?? RequestRules.CheckEffectiveTime(EffectiveTime);

    /// <summary>Checks what is asked for against what it comes to.</summary>
    /// <param name="transaction">See <see cref="TransactionOf"/>.</param>
    public RequestProblem? CheckFound(Transaction transaction) => transaction.Legs.IsEmpty
        ? new RequestProblem(
            RequestProblemKind.NotFound, $"No transaction {TransactionId} that made holds was found on {Account}",
            "transaction_id")
        : null;

    /// <summary>Makes the transaction. Each hold is posted in full.</summary>
    /// <param name="record">The transaction that made the holds; null where there is none.</param>
    /// <returns>The transaction; without legs where there is no hold to resolve.</returns>
    public Transaction TransactionOf(TransactionRecord? record)
    {
        var legs = ImmutableArray.CreateBuilder<TransactionLeg>();
        foreach (var leg in record is { Result.IsCommitted: true } ? record.Transaction.Legs : [])
        {
            if (leg.Transfer is not { } hold || hold.Kind != TransferKind.Hold)
            {
                continue;
            }

            legs.Add(TransactionLeg.Of(new Transfer(
                Transaction.LegId(Id, legs.Count), hold.DebitAccount, hold.CreditAccount,
                IsPost ? Amount.MaxValue : Amount.Zero, hold.Code)
            {
                Asset = hold.Asset,
                HoldId = hold.Id,
                Kind = IsPost ? TransferKind.PostHold : TransferKind.VoidHold,
                EffectiveTime = EffectiveTime,
            }));
        }

        return new Transaction(Id, legs.ToImmutable());
    }
}
