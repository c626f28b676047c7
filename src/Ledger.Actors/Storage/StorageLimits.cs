namespace Ledger.Actors.Storage;

/// <summary>What one statement may bring or take, in bytes of rows (R17). At 100 Mbit/s, the least that a link is expected to give,
/// 48 MB pass within the four seconds that a statement has.</summary>
internal static class StorageLimits
{
    /// <summary>The rows that one statement reads; one row is read however long it is.</summary>
    public const long PageBytesMax = 8 * 1024 * 1024;

    /// <summary>The rows that one statement writes; one row more may exceed it.</summary>
    public const int GroupBytesMax = 8 * 1024 * 1024;

    /// <summary>The rows that one statement writes.</summary>
    public const int GroupRowsMax = 2_000;

    /// <summary>The entries of the index of ids that one statement writes; those of one row more may exceed it. Entries for ids
    /// without an order of time fall all over the index, so each may cost the database a page of its own.</summary>
    public const int GroupIdsMax = 10_000;

    /// <summary>A snapshot. One that is longer is not written: it could not be read back in time.</summary>
    public const int SnapshotBytesMax = 32 * 1024 * 1024;
}
