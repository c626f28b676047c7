namespace Ledger.Actors.Storage;

/// <summary>A page of a stream that is asked for, in the order of the rows' numbers.</summary>
/// <param name="PersistenceId">The stream.</param>
/// <param name="From">The lowest number, inclusive.</param>
/// <param name="To">The highest number, inclusive.</param>
/// <param name="Size">How much it may hold.</param>
internal readonly record struct PageQuestion(string PersistenceId, long From, long To, PageSize Size);
