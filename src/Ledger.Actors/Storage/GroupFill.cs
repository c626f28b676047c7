namespace Ledger.Actors.Storage;

/// <summary>How full a group of writes is, which one statement stores. It takes no further write once it has as many
/// rows, bytes or entries of the index of ids as it may have; so the last one may exceed what it may have, and a write
/// fits in however large it is. Not thread-safe.</summary>
/// <param name="rowsMax">Rows.</param>
/// <param name="bytesMax">Bytes of their content.</param>
/// <param name="idsMax">Entries of the index of ids.</param>
internal struct GroupFill(int rowsMax, long bytesMax, int idsMax)
{
    private int _rows;
    private long _bytes;
    private long _ids;

    /// <summary>Whether it takes no further write.</summary>
    public readonly bool IsFull => _rows >= rowsMax || _bytes >= bytesMax || _ids >= idsMax;

    /// <summary>Adds a write.</summary>
    public void Add(int rows, long bytes, int ids)
    {
        _rows += rows;
        _bytes += bytes;
        _ids += ids;
    }
}
