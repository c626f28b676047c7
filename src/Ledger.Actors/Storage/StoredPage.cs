namespace Ledger.Actors.Storage;

/// <summary>A page of a stream.</summary>
/// <param name="Rows">The rows, in the order that was asked for.</param>
/// <param name="HasMore">Whether it was full, so that there may be more rows than these between the limits of the
/// question. With no rows at all, the page had to leave its place to others that were read by the same statement, and
/// is to be asked for again.</param>
internal readonly record struct StoredPage(List<StoredRow> Rows, bool HasMore)
{
    /// <summary>The bytes of the rows' content.</summary>
    public long Bytes
    {
        get
        {
            var bytes = 0L;
            foreach (var row in Rows)
            {
                bytes += row.Message.Length;
            }

            return bytes;
        }
    }
}
