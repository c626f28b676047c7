namespace Ledger.Core;

/// <summary>Which rows there are, in their order.</summary>
/// <param name="from">The first row, inclusive.</param>
/// <param name="to">The last row, inclusive.</param>
/// <param name="rowsMax">How many rows at most.</param>
internal sealed class RowsQuestion(long from, long to, int rowsMax) : StreamQuestion
{
    /// <summary>The first row, inclusive.</summary>
    public long From { get; } = from;

    /// <summary>The last row, inclusive.</summary>
    public long To { get; } = to;

    /// <summary>How many rows at most.</summary>
    public int RowsMax { get; } = rowsMax;

    /// <summary>The answer: at least the first of them, and none left out.</summary>
    public IReadOnlyList<EventBatch> Rows { get; set; } = [];
}
