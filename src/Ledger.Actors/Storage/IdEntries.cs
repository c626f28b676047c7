using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>The entries of a row in the index of ids.</summary>
/// <param name="Ids">The ids, each once.</param>
/// <param name="Previous">The newest entry of the stream before; none for none. Where it is not there when the row is
/// stored, the index has lost a part, and a note of that is stored with the row: the entries that are there from now on
/// would hide it.</param>
internal sealed record IdEntries(IReadOnlyList<TransferId> Ids, IndexedId Previous)
{
    /// <summary>Those of a row that is being written; null for none, as mostly where clients send UUIDs of version
    /// 7.</summary>
    /// <param name="batch">The row.</param>
    public static IdEntries? Of(EventBatch batch) => batch.IndexedIds is { } ids
        ? new IdEntries(ids.Count == 1 ? ids : [.. ids.ToHashSet()], batch.PreviousIndexed)
        : null;
}
