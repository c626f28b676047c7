using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>Items of a batch that happen together: one alone, or a chain, which is a transaction. Immutable.</summary>
/// <param name="First">The place of its first item in the batch.</param>
/// <param name="Legs">What to do, in order.</param>
/// <param name="IsOpen">Whether the batch ends before the chain does: the last item is linked to one that is not
/// there.</param>
internal sealed record BatchGroup(int First, ImmutableArray<TransactionLeg> Legs, bool IsOpen)
{
    /// <summary>Whether it is a chain, and not one item alone.</summary>
    public bool IsChain => Legs.Length > 1 || IsOpen;

    /// <summary>Finds the accounts and ids that it touches.</summary>
    /// <returns>The accounts and ids; null where they can't be told without asking, since a post or a void leaves its
    /// accounts to the hold.</returns>
    public IReadOnlyList<object>? FindKeys()
    {
        var keys = new List<object>(Legs.Length * 3);
        foreach (var leg in Legs)
        {
            if (leg.Transfer is not { } transfer)
            {
                keys.Add(leg.Opening!.Address);
                continue;
            }

            if (transfer.ResolvesHold && (transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone))
            {
                return null;
            }

            keys.Add(transfer.DebitAccount);
            keys.Add(transfer.CreditAccount);
            keys.Add(transfer.Id);
            if (!transfer.HoldId.IsNil)
            {
                keys.Add(transfer.HoldId);
            }
        }

        return keys;
    }

    /// <summary>Makes the transaction of a chain. Its id follows from its content: sent again, it is the same
    /// transaction.</summary>
    public Transaction ToTransaction()
    {
        var first = Legs.Select(static leg => leg.Transfer?.Id ?? default).FirstOrDefault(static id => !id.IsNil);
        return new Transaction(Transaction.ChainId(first, Legs), Legs);
    }

    /// <summary>Completes the result of a chain: that it is open is told of its last item in any case, whatever else
    /// failed.</summary>
    /// <param name="result">What became of its transaction.</param>
    public TransactionResult Complete(TransactionResult result) => !IsOpen
        ? result
        : result with
        {
            Legs = result.Legs.SetItem(Legs.Length - 1, Legs[^1].Opening is null
                ? new LegResult(TransferStatus.LinkedEventChainOpen, AccountStatus.None, Amount.Zero)
                : new LegResult(TransferStatus.None, AccountStatus.LinkedEventChainOpen, Amount.Zero)),
        };

    /// <summary>What became of each item of a chain.</summary>
    /// <param name="result">What became of its transaction, completed.</param>
    public ImmutableArray<BatchStepResult> ResultsOf(TransactionResult result)
    {
        var results = ImmutableArray.CreateBuilder<BatchStepResult>(Legs.Length);
        for (var i = 0; i < Legs.Length; i++)
        {
            var became = result.Legs[i];
            results.Add(Legs[i].Transfer is { } transfer
                ? new BatchStepResult(
                    new TransferResult(
                        transfer.Id,
                        result.Replayed && became.Transfer == TransferStatus.Created
                            ? TransferStatus.Exists
                            : became.Transfer,
                        result.CreateTime, result.Replayed, i == result.FailedLeg ? result.BalanceSeen : null)
                    {
                        Amount = became.Amount, Position = result.Position,
                    },
                    null)
                : new BatchStepResult(
                    null,
                    new OpenAccountResult(
                        Legs[i].Opening!.Address,
                        result.Replayed && became.Opening == AccountStatus.Created
                            ? AccountStatus.Exists
                            : became.Opening,
                        result.CreateTime)
                    {
                        Position = result.Position,
                    }));
        }

        return results.MoveToImmutable();
    }
}
