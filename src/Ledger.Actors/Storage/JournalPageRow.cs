namespace Ledger.Actors.Storage;

/// <summary>A row as the index reads it.</summary>
/// <param name="Ordering">Its place in the whole journal.</param>
/// <param name="PersistenceId">Its stream.</param>
/// <param name="SequenceNr">Its number in that.</param>
/// <param name="Payload">The stored bytes.</param>
internal readonly record struct JournalPageRow(
    long Ordering, string PersistenceId, long SequenceNr, ReadOnlyMemory<byte> Payload);
