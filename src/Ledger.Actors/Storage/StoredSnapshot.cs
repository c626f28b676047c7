using System.Data.Common;

namespace Ledger.Actors.Storage;

/// <summary>A snapshot as it is stored.</summary>
internal readonly record struct StoredSnapshot(
    long SequenceNr,
    long CreatedTicks,
    byte[] Payload,
    int SerializerId,
    string Manifest)
{
    /// <summary>Reads it from the columns of these names, in this order.</summary>
    public static StoredSnapshot Read(DbDataReader reader) => new(
        reader.GetInt64(0),
        reader.GetInt64(1),
        reader.GetFieldValue<byte[]>(2),
        reader.GetInt32(3),
        reader.IsDBNull(4) ? string.Empty : reader.GetString(4));
}
