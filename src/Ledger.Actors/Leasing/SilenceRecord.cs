namespace Ledger.Actors.Leasing;

/// <summary>Which holders of leases were silent at the look before. Not thread-safe.</summary>
/// <remarks>A database that was away for all comes back for one node first. That one finds all other leases old, and
/// they are
/// renewed a moment later. So a node is given up only where two looks, a lease's time apart, find its lease old, and
/// not renewed
/// between them; and no look counts that was made with a lease of one's own just gained.</remarks>
internal sealed class SilenceRecord
{
    private HashSet<Guid> before = [];

    /// <summary>Takes a look.</summary>
    /// <param name="silent">The holders whose leases are old now.</param>
    /// <returns>Those of them that were so at the look before.</returns>
    public IReadOnlySet<Guid> Look(IEnumerable<Guid> silent)
    {
        HashSet<Guid> now = [.. silent];
        var twice = new HashSet<Guid>(now);
        twice.IntersectWith(before);
        before = now;
        return twice;
    }

    /// <summary>Forgets the look before: for a while nothing could be seen.</summary>
    public void Forget() => before = [];
}
