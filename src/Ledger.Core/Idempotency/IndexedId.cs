namespace Ledger.Core;

/// <summary>An entry of the index of ids in one account's stream. The default value is none.</summary>
/// <param name="Id">The id.</param>
/// <param name="SequenceNr">The row that is entered under it; 0 for none.</param>
internal readonly record struct IndexedId(TransferId Id, long SequenceNr);
