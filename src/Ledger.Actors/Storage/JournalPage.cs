namespace Ledger.Actors.Storage;

/// <summary>Rows as the index reads them.</summary>
/// <param name="Rows">The rows, in the order of their places.</param>
/// <param name="HasMore">Whether it was full, so that there may be more between its last row and the end that was asked
/// for.</param>
internal readonly record struct JournalPage(IReadOnlyList<JournalPageRow> Rows, bool HasMore);
