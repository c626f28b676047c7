using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>A row of the journal as the index folds it.</summary>
/// <param name="Place">Its place in the whole journal.</param>
/// <param name="Account">Whose it is.</param>
/// <param name="Batch">What it holds.</param>
internal readonly record struct IndexRow(long Place, AccountAddress Account, EventBatch Batch);
