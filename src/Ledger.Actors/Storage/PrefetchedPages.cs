namespace Ledger.Actors.Storage;

/// <summary>What the question for the highest number of a stream has read already, for the replay that follows it.
/// Bounded: a replay that does not come leaves its page behind, and one that does not find its page reads it again.
/// Thread-safe.</summary>
internal sealed class PrefetchedPages
{
    private const int PagesMax = 256;
    private const long BytesMax = 8 * LedgerSizes.PageMax;

    private readonly Dictionary<string, (long From, StoredPage Page, long Bytes)> _pages = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private long _bytes;

    /// <summary>Keeps a page.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="from">The number from which on the page is complete: two incarnations may recover at once, from
    /// different snapshots.</param>
    /// <param name="page">The page.</param>
    public void Put(string persistenceId, long from, in StoredPage page)
    {
        var bytes = page.Bytes;
        lock (_gate)
        {
            Remove(persistenceId, out _);
            if (_pages.Count >= PagesMax || _bytes + bytes > BytesMax)
            {
                _pages.Clear();
                _bytes = 0;
            }

            _pages.Add(persistenceId, (from, page, bytes));
            _bytes += bytes;
        }
    }

    /// <summary>Takes a page out.</summary>
    /// <param name="persistenceId">The stream.</param>
    /// <param name="from">The number from which on it must be complete.</param>
    /// <param name="page">The page.</param>
    public bool TryTake(string persistenceId, long from, out StoredPage page)
    {
        lock (_gate)
        {
            var found = Remove(persistenceId, out var kept);
            page = kept.Page;
            return found && kept.From == from;
        }
    }

    private bool Remove(string persistenceId, out (long From, StoredPage Page, long Bytes) kept)
    {
        if (!_pages.Remove(persistenceId, out kept))
        {
            return false;
        }

        _bytes -= kept.Bytes;
        return true;
    }
}
