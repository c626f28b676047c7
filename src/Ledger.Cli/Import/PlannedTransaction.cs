using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>A transaction of a plan: what happens all or not at all.</summary>
/// <param name="Line">The line on which it begins.</param>
/// <param name="Key">Its key in the file.</param>
/// <param name="Attempt">Which try this is.</param>
/// <param name="Id">Its id.</param>
/// <param name="Entry">Its entry in the register of the namespace.</param>
/// <param name="Transfers">Its transfers; none where it moves nothing.</param>
internal sealed record PlannedTransaction(
    long Line, string Key, uint Attempt, Guid Id, Transfer Entry, IReadOnlyList<PlannedTransfer> Transfers)
{
    /// <summary>What is sent: the entry, then the transfers.</summary>
    public Transaction ToTransaction() =>
        Transaction.Of(Id, Transfers.Select(static planned => planned.Transfer).Prepend(Entry));
}
