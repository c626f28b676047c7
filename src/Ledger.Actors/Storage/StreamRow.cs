namespace Ledger.Actors.Storage;

/// <summary>One row of a stream, as stored.</summary>
/// <param name="SequenceNr">Its number: 1, 2, 3 and so on.</param>
/// <param name="Manifest">What the payload is.</param>
/// <param name="Payload">The stored bytes.</param>
public readonly record struct StreamRow(long SequenceNr, string Manifest, ReadOnlyMemory<byte> Payload);
