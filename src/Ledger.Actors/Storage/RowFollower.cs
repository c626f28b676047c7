using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>A request that has left ahead of its row, as the writer of that row counts it (G10). It counts until the
/// row that it leads to is with the writer too, or until it is known to lead to none. Thread-safe.</summary>
internal sealed class RowFollower
{
    private WriteTicket? followed;

    /// <summary>Begins to count.</summary>
    /// <param name="followed">The row that the request has left ahead of.</param>
    public RowFollower(WriteTicket followed)
    {
        this.followed = followed;
        followed.Follow();
    }

    /// <summary>Ends it. Whoever sees the end may say so; the first counts.</summary>
    public void End() => Interlocked.Exchange(ref followed, null)?.EndFollowing();
}
