namespace Ledger.Actors.Index;

/// <summary>The place of a transfer in the index: by time, and within that by the place of its journal row. It never
/// changes, and is the same however often the index is made.</summary>
/// <param name="Time">When it was committed or rejected.</param>
/// <param name="Place">The place of the row that says so.</param>
/// <param name="Item">Its number among the transfers of that row.</param>
internal readonly record struct IndexKey(LedgerTime Time, long Place, int Item);
