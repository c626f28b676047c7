namespace Ledger.Actors.Storage;

/// <summary>A snapshot is longer than what may be stored, so it was not. Nothing is lost: the journal alone is the
/// truth.</summary>
/// <param name="persistenceId">Whose it is.</param>
/// <param name="bytes">How long it is.</param>
/// <param name="bytesMax">How long it may be.</param>
internal sealed class SnapshotTooLargeException(string persistenceId, int bytes, int bytesMax) : Exception(
    $"The snapshot of {persistenceId} has {bytes} bytes; up to {bytesMax} can be read back in the time of a "
        + "statement.");
