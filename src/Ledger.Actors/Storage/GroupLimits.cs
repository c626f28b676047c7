namespace Ledger.Actors.Storage;

/// <summary>How many writes may wait, and how large one group of them may be, see <see cref="GroupFill"/>.</summary>
/// <param name="QueueSize">Writes that wait at most.</param>
/// <param name="RowsMax">Rows of a group.</param>
/// <param name="BytesMax">Bytes of their content.</param>
/// <param name="IdsMax">Entries of the index of ids.</param>
internal sealed record GroupLimits(int QueueSize, int RowsMax, long BytesMax, int IdsMax)
{
    /// <summary>A group that takes its first write.</summary>
    public GroupFill NewFill() => new(RowsMax, BytesMax, IdsMax);
}
