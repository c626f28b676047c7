namespace Ledger.Core;

/// <summary>What the journal said of ids: what it holds of each, null for what it never saw. Of ids that were not asked
/// about, nothing.</summary>
/// <param name="Found">The answers; null where nothing was asked.</param>
internal readonly record struct IdFacts(Dictionary<TransferId, IdHistory?>? Found)
{
    /// <summary>What the journal holds of an id; null where it never saw it, or was not asked.</summary>
    /// <param name="id">The id.</param>
    public IdHistory? Find(TransferId id) => Found?.GetValueOrDefault(id);

    /// <summary>What the journal holds of an id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="history">The answer.</param>
    /// <returns>Whether it was asked.</returns>
    public bool TryFind(TransferId id, out IdHistory? history)
    {
        history = null;
        return Found is not null && Found.TryGetValue(id, out history);
    }
}
