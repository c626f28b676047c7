namespace Ledger.Actors.Storage;

/// <summary>The history of the database that accounts of this process are read from now.</summary>
/// <param name="Generation">How often that has changed in this process.</param>
/// <param name="Mark">How other processes know it; null while nobody has looked, or where no other process can.</param>
internal sealed record DatabaseHistory(int Generation, DatabaseMark? Mark);
