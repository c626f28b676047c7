using System.Collections.Concurrent;

namespace Ledger.Actors.Storage;

/// <summary>Reads pages of a size that the store can bring in time: one that took too long is read again in halves,
/// down to a single row, and what was learned about a stream is kept for a while, since whoever asks may have no time
/// left by then. Thread-safe.</summary>
/// <param name="largest">The size to begin with.</param>
/// <param name="isTimeout">Whether a failure says that the time was up.</param>
/// <param name="halved">Is told the stream, and the size that it is read in from now on; null for nobody.</param>
internal sealed class PageReads(
    PageSize largest, Func<Exception, bool> isTimeout, Action<string, PageSize>? halved = null)
{
    private const int KnownMax = 10_000;

    // Long enough for a stream of many pages; a store that was slow for a moment is not suspected all day.
    private static readonly TimeSpan s_keptFor = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, (PageSize Size, long At)> _known = new(StringComparer.Ordinal);

    /// <summary>The size in which a stream is read now.</summary>
    public PageSize SizeFor(string stream)
    {
        if (_known.IsEmpty || !_known.TryGetValue(stream, out var known))
        {
            return largest;
        }

        if (TimeProvider.System.GetElapsedTime(known.At) <= s_keptFor)
        {
            return known.Size;
        }

        _known.TryRemove(KeyValuePair.Create(stream, known));
        return largest;
    }

    /// <summary>Reads a page.</summary>
    /// <param name="stream">What it is a page of.</param>
    /// <param name="rowsMax">How many rows are of use.</param>
    /// <param name="read">Reads one of a size.</param>
    /// <param name="cancellationToken">When whoever asks has no time any more.</param>
    public async Task<TPage> ReadAsync<TPage>(
        string stream, int rowsMax, Func<PageSize, CancellationToken, Task<TPage>> read,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            var size = SizeFor(stream).AtMost(rowsMax);
            try
            {
                return await read(size, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (
                isTimeout(e) || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                TookLong(stream, size);
                if (size.IsLeast || cancellationToken.IsCancellationRequested)
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Notes that a page was not brought in time: the next is half as large. Of several that met the same slow
    /// page, the first counts.</summary>
    /// <param name="stream">What it was a page of.</param>
    /// <param name="tried">Its size.</param>
    public void TookLong(string stream, PageSize tried)
    {
        if (tried.IsLeast || SizeFor(stream).Rows < tried.Rows)
        {
            return;
        }

        if (_known.Count >= KnownMax)
        {
            _known.Clear();
        }

        var size = tried.Half();
        _known[stream] = (size, TimeProvider.System.GetTimestamp());
        halved?.Invoke(stream, size);
    }
}
