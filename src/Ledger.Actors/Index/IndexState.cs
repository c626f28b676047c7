namespace Ledger.Actors.Index;

/// <summary>How far the index has got.</summary>
/// <param name="Checkpoint">All rows up to this place are folded in.</param>
/// <param name="Version">Changes with every fold, whoever does it.</param>
/// <param name="AsOf">The time of the newest event that is folded in; the default value for none.</param>
/// <param name="Last">The newest row that is folded in.</param>
internal readonly record struct IndexState(long Checkpoint, long Version, LedgerTime AsOf, RowPosition Last);
