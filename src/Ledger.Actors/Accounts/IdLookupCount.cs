namespace Ledger.Actors.Accounts;

/// <summary>How often this node has looked into the journal for ids, and what that has read. Thread-safe.</summary>
/// <remarks>Ids of version 7 that come in time cost none, so the numbers say how many come late, early or in another
/// version.</remarks>
internal sealed class IdLookupCount
{
    private long ids;
    private long rows;

    /// <summary>How many ids were looked for.</summary>
    public long Ids => Interlocked.Read(ref ids);

    /// <summary>How many rows were read for it.</summary>
    public long Rows => Interlocked.Read(ref rows);

    /// <summary>Notes that ids are looked for.</summary>
    public void Asked(int count) => Interlocked.Add(ref ids, count);

    /// <summary>Notes that rows were read for it.</summary>
    public void Read(int count) => Interlocked.Add(ref rows, count);
}
