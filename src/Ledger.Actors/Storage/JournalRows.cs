using System.Data.Common;

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

    /// <summary>The generation of who decided it, which must still be that of the <see cref="DatabaseWatch"/>; null for any.</summary>
    public int? Generation { get; init; }
}

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

/// <summary>What a failed append says about the rows of the batch.</summary>
internal enum AppendFault
{
    /// <summary>Nothing: the rows may be stored or not.</summary>
    Unknown,

    /// <summary>None is stored, because one of them has a key that is taken.</summary>
    Duplicate,

    /// <summary>None is stored, because one of them waited too long for another transaction.</summary>
    Locked,

    /// <summary>None is stored, because the database does not take one of them.</summary>
    Refused,

    /// <summary>None is stored, because the row before one of them is not there (R19 a): no fault of that row, so nothing more is
    /// stored at all.</summary>
    Lost,
}

/// <summary>Puts rows into the database. Each writer loop has its own, with its own connection, and never calls it
/// concurrently.</summary>
internal interface IJournalAppender : IAsyncDisposable
{
    /// <summary>Appends the rows with the entries of their ids in one transaction, durably: all or none. Each row with a number above
    /// 1 follows one that is stored already or comes before it in the list.</summary>
    /// <param name="rows">At least one row.</param>
    /// <param name="isolating">Whether a faulty row is being looked for, so that waiting for locks should be
    /// short.</param>
    Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating);

    /// <summary>Says what a failure of <see cref="AppendAsync"/> means. Anything but
    /// <see cref="AppendFault.Unknown"/> promises that nothing was stored.</summary>
    AppendFault Classify(Exception exception);
}

/// <summary>A write that is known not to be stored.</summary>
internal sealed class JournalWriteException : Exception
{
    public JournalWriteException(string message)
        : base(message)
    {
    }

    public JournalWriteException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>Shows stored rows the way the reading side does.</summary>
internal static class StreamRows
{
    public static IReadOnlyList<StreamRow> From(List<StoredRow> rows)
    {
        var result = new List<StreamRow>(rows.Count);
        foreach (var row in rows)
        {
            result.Add(new StreamRow(row.SequenceNr, row.Manifest, row.Message));
        }

        return result;
    }
}
