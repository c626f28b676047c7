using System.Collections.Immutable;

namespace Ledger;

/// <summary>What became of a transaction. Immutable.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, <see cref="TransferStatus.Exists"/> for the retry of one
/// that was committed, or the reason of the leg that failed; when that leg is an opening,
/// <see cref="TransferStatus.LinkedEventFailed"/>.</param>
/// <param name="FailedLeg">The place of the leg that failed, from 0; -1 for none.</param>
/// <param name="CreateTime">When it was committed; when it was rejected, for a journaled rejection.</param>
/// <param name="Replayed">Whether an earlier request had decided it.</param>
/// <param name="BalanceSeen">For a journaled rejection by an account that exists: the balances that it saw.</param>
/// <param name="Legs">What became of each leg, in order. Of a rejected one, all but the leg that failed are
/// <see cref="TransferStatus.LinkedEventFailed"/>.</param>
public sealed record TransactionResult(
    TransferId Id, TransferStatus Status, int FailedLeg, LedgerTime CreateTime, bool Replayed, Balances? BalanceSeen,
    ImmutableArray<LegResult> Legs)
{
    /// <summary>Whether the transaction is recorded. A leg that exists already, by itself, makes a transaction fail
    /// with
    /// <see cref="TransferStatus.Exists"/>; then it is not.</summary>
    public bool IsCommitted => FailedLeg < 0 && Status is (TransferStatus.Created or TransferStatus.Exists);

    /// <summary>The row that decided it, where this request wrote one: of a commit the last agent's, of a rejection
    /// that of the account that was asked. None for what an earlier request had decided.</summary>
    public RowPosition Position { get; init; }

    /// <summary>Where it was asked for and this request committed the transaction: its accounts right after it, in no
    /// promised order. One whose answer was lost on the way is not among them.</summary>
    public IReadOnlyList<AccountAfter> After { get; init; } = [];

    /// <summary>An account right after it; null where that is not told.</summary>
    /// <param name="account">The account.</param>
    public AccountAfter? AfterOf(AccountAddress account)
    {
        foreach (var after in After)
        {
            if (after.Address == account)
            {
                return after;
            }
        }

        return null;
    }
}
