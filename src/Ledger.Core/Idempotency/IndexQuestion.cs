namespace Ledger.Core;

/// <summary>Which rows are entered under some ids.</summary>
/// <param name="ids">The ids.</param>
/// <param name="upTo">The last row that matters. The answer is true of a moment at which that row was there.</param>
/// <param name="newest">The newest entry that must be there; none for none.</param>
internal sealed class IndexQuestion(IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest) : StreamQuestion
{
    /// <summary>The ids.</summary>
    public IReadOnlyCollection<TransferId> Ids { get; } = ids;

    /// <summary>The last row that matters.</summary>
    public long UpTo { get; } = upTo;

    /// <summary>The newest entry that must be there.</summary>
    public IndexedId Newest { get; } = newest;

    /// <summary>The answer: the rows, in order, each once.</summary>
    public IReadOnlyList<long> Rows { get; set; } = [];

    /// <summary>The answer: whether every row that belongs into the index is in it, the newest entry included. Where
    /// there is no index, nothing is.</summary>
    public bool IsComplete { get; set; }
}
