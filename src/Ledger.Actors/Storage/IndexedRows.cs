namespace Ledger.Actors.Storage;

/// <summary>What the index knows of some ids in a stream.</summary>
/// <param name="After">Every row after this number was stored with its entries; those up to it were written before
/// there was an index of this kind.</param>
/// <param name="Rows">The numbers of the rows, in order, each once.</param>
/// <param name="IsWhole">Whether nothing is known to be missing: the newest entry is there, and no row was stored
/// without the one before its own.</param>
internal readonly record struct IndexedRows(long After, IReadOnlyList<long> Rows, bool IsWhole)
{
    /// <summary>Whether every row that belongs into the index is in it.</summary>
    public bool IsComplete => IsWhole && After == 0;
}
