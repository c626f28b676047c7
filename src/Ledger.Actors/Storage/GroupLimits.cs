namespace Ledger.Actors.Storage;

/// <summary>How many writes may wait, and how large one group of them may be, see <see cref="GroupFill"/>.</summary>
/// <param name="QueueSize">Writes that wait at most.</param>
/// <param name="RowsMax">Rows of a group.</param>
/// <param name="BytesMax">Bytes of their content.</param>
/// <param name="IdsMax">Entries of the index of ids.</param>
internal sealed record GroupLimits(int QueueSize, int RowsMax, long BytesMax, int IdsMax)
{
    /// <summary>How long a group waits at most for rows that are on their way to share its transaction, see <see
    /// cref="WriteGroup.WhenFollowersCameAsync"/>.</summary>
    public TimeSpan FollowersWaitMax { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>A group that takes its first write.</summary>
    public GroupFill NewFill() => new(RowsMax, BytesMax, IdsMax);
}
