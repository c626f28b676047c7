using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>What a fold does to the index.</summary>
/// <param name="Transfers">New transfers.</param>
/// <param name="Holds">Holds that were there, as they are now.</param>
/// <param name="Accounts">Accounts as they are now, new ones too.</param>
/// <param name="Prepared">Transactions of several legs that are prepared and not decided, new ones.</param>
/// <param name="Decided">Such that were there, and are decided now.</param>
internal sealed record IndexChanges(
    IReadOnlyList<IndexedTransfer> Transfers, IReadOnlyList<IndexedTransfer> Holds,
    IReadOnlyList<IndexedAccount> Accounts,
    IReadOnlyList<(PreparedKey Attempt, TransactionBranch Branch)> Prepared, IReadOnlyList<PreparedKey> Decided)
{
    public bool IsEmpty => Transfers.Count + Holds.Count + Accounts.Count + Prepared.Count + Decided.Count == 0;
}
