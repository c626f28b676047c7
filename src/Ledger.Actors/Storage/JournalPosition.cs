namespace Ledger.Actors.Storage;

/// <summary>How far the index has got.</summary>
/// <param name="Checkpoint">All marked rows up to this place are folded in.</param>
/// <param name="Version">Changes with every fold, whoever does it.</param>
internal readonly record struct JournalPosition(long Checkpoint, long Version);
