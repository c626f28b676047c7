namespace Ledger.Actors.Journal;

/// <summary>Reads the facts of one row, in their order. Throws for a row that can't be read.</summary>
/// <param name="row">The stored bytes.</param>
/// <param name="persistenceId">The stream.</param>
/// <param name="sequenceNr">The row's number in it.</param>
internal delegate IEnumerable<HoldFact> HoldFactDecoder(
    ReadOnlyMemory<byte> row, string persistenceId, long sequenceNr);
