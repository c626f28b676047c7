using System.Data.Common;

namespace Ledger.Actors.Storage;

/// <summary>A row as the journal holds it.</summary>
internal readonly record struct StoredRow(
    long SequenceNr,
    long CreatedTicks,
    bool Deleted,
    byte[] Message,
    int SerializerId,
    string Manifest,
    string WriterUuid)
{
    /// <summary>Reads it from the columns of these names, in this order.</summary>
    public static StoredRow Read(DbDataReader reader) => new(
        reader.GetInt64(0),
        reader.GetInt64(1),
        reader.GetBoolean(2),
        reader.GetFieldValue<byte[]>(3),
        reader.GetInt32(4),
        reader.IsDBNull(5) ? string.Empty : reader.GetString(5),
        reader.IsDBNull(6) ? string.Empty : reader.GetString(6));
}
