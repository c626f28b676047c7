namespace Ledger.Actors.Accounts;

/// <summary>How many bytes of rows may still be read for one answer (R17). Not thread-safe.</summary>
/// <param name="bytes">How many in all.</param>
internal sealed class ReadAllowance(long bytes)
{
    /// <summary>How many are left; below 0 where the last read brought more.</summary>
    public long Left { get; private set; } = bytes;

    /// <summary>Whether none is left. What has an answer already is then ended.</summary>
    public bool IsSpent => Left <= 0;

    /// <summary>Counts a row that was read.</summary>
    /// <param name="size">Its bytes, as stored.</param>
    public void Take(long size) => Left -= size;
}
