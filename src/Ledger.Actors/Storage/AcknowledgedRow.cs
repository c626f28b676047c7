namespace Ledger.Actors.Storage;

/// <summary>A row that the database has acknowledged to this process. As long as the database has lost nothing it is
/// there, and so is everything that was committed before it.</summary>
/// <param name="PersistenceId">The stream.</param>
/// <param name="SequenceNr">Its number there.</param>
/// <param name="WriterUuid">Of the incarnation that wrote it: another row may stand in its place.</param>
internal sealed record AcknowledgedRow(string PersistenceId, long SequenceNr, string WriterUuid);
