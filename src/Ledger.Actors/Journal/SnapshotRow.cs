namespace Ledger.Actors.Journal;

/// <summary>One snapshot as it is stored.</summary>
internal sealed class SnapshotRow(ReadOnlyMemory<byte> bytes, ParsedSnapshot? parsed = null)
{
    public ReadOnlyMemory<byte> Bytes => bytes;

    /// <summary>What it holds; null where it was not read but made.</summary>
    public ParsedSnapshot? Parsed => parsed;

    /// <summary>Akka logs what it can't deliver: nothing of the content.</summary>
    public override string ToString() => $"a snapshot of {bytes.Length} bytes";
}
