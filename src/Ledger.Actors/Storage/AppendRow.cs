namespace Ledger.Actors.Storage;

/// <summary>A row on its way into the journal, serialized.</summary>
internal readonly record struct AppendRow(
    string PersistenceId,
    long SequenceNr,
    long CreatedTicks,
    byte[] Message,
    int SerializerId,
    string Manifest,
    string WriterUuid)
{
    /// <summary>The ids under which the row is to be found, stored with it or not at all; null for none.</summary>
    public IdEntries? Entries { get; init; }

    /// <summary>The generation of who decided it, which must still be that of the <see cref="DatabaseWatch"/>; null for
    /// any.</summary>
    public int? Generation { get; init; }
}
