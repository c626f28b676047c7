namespace Ledger.Actors.Storage;

/// <summary>The end of the journal.</summary>
/// <param name="Highest">The highest place that a committed row has. Rows below it may still be under way, but none of
/// them depends on a row above it.</param>
/// <param name="Settled">The place below which, inclusive, no more rows will come.</param>
internal readonly record struct JournalHead(long Highest, long Settled);
