using System.Runtime.CompilerServices;
using Ledger.Actors.Journal;

namespace Ledger.Actors.Storage;

/// <summary>The one reader of the whole journal. The hold index, the search for what is in doubt and the index of
/// transfers read through it; each keeps its own checkpoint. Thread-safe.</summary>
/// <remarks>It knows where the journal ends in two ways. Up to <see cref="JournalHead.Settled"/> no row will appear any
/// more: a checkpoint stays there. Above it rows may be committed already while others that have lower places are not:
/// they may be read, and must be read again.</remarks>
/// <param name="rows">The database.</param>
/// <param name="generation">Grows where the database is another one than before; null where it never is.</param>
internal sealed class JournalReader(IJournalRows rows, Func<int>? generation = null) : IAsyncDisposable
{
    /// <summary>How many rows of the journal one statement looks at: it must end before statements time out.</summary>
    internal const long WindowRows = 20_000;

    private const int PageRowsMax = 1_000;

    private readonly SemaphoreSlim gate = new(1);
    private readonly PageReads pages = new(new PageSize(PageRowsMax, LedgerSizes.PageMax), rows.IsTimeout);

    /// <summary>Tests: how many rows a page has at most.</summary>
    internal int PageRows { get; init; } = PageRowsMax;

    /// <summary>Which history of the database is read now.</summary>
    public int Generation => generation?.Invoke() ?? 0;

    /// <summary>Looks where the journal ends.</summary>
    public async Task<JournalHead> HeadAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await rows.ReadHeadAsync(Generation, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Reads a page of rows.</summary>
    /// <param name="from">The place to begin after.</param>
    /// <param name="highest">The last place to read.</param>
    /// <param name="manifest">Of which rows, or how theirs begins.</param>
    /// <param name="isPrefix">Whether it is only how it begins.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Rows, and the place up to which these are all that there are.</returns>
    public Task<(IReadOnlyList<JournalPageRow> Rows, long To)> ReadPageAsync(
        long from, long highest, string manifest, bool isPrefix, CancellationToken cancellationToken) =>
            pages.ReadAsync(
        manifest,
        PageRows,
        async (size, token) =>
        {
            // A statement that took too long may have had too many rows to look at as well as too long ones to bring.
            var to = Math.Min(highest, from + Math.Max(1, WindowRows * size.Rows / PageRowsMax));
            var page = await rows.ReadRowsAsync(from, to, manifest, isPrefix, size, token).ConfigureAwait(false);
            return (page.Rows, page.HasMore ? page.Rows[^1].Ordering : to);
        },
        cancellationToken);

    /// <summary>Reads all rows of accounts after a place, in order, up to where the journal ends at the time of the
    /// call.</summary>
    public async IAsyncEnumerable<JournalPageRow> ReadSinceAsync(
        long ordering, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var head = await HeadAsync(cancellationToken);
        var from = ordering;
        while (from < head.Highest)
        {
            var (found, to) = await ReadPageAsync(
                from, head.Highest, LedgerSerializer.RowManifest, isPrefix: true, cancellationToken);
            foreach (var row in found)
            {
                yield return row;
            }

            from = to;
        }
    }

    /// <summary>The place of one row; null when it is not there.</summary>
    public Task<long?> FindPlaceAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
        rows.FindPlaceAsync(persistenceId, sequenceNr, cancellationToken);

    /// <summary>When the first row after a place was written, in microseconds since the Unix epoch; null when there is
    /// none.</summary>
    public Task<long?> TimeAfterAsync(long place, CancellationToken cancellationToken) =>
        rows.TimeAfterAsync(place, cancellationToken);

    public ValueTask DisposeAsync() => rows.DisposeAsync();
}
