namespace Ledger.Core;

/// <summary>Finds out what an account's stream says about ids, by reading few of its rows (R22).</summary>
/// <remarks>
/// The index names the rows that an id's own time does not lead to; all others were booked within <see
/// cref="IdWindow.Width"/> of that time, and a row's place is guessed from its time. Only both together can say that an
/// id is new; and an index that lacks the newest entry says nothing, as one that was restored from an older copy than
/// the journal. What a row prepares is decided in one of the next, or in a row that is in the index. So the cost is
/// that of what is found, whatever the length of the stream and the age of the id. Asks by way of <see
/// cref="Questions"/>, so that the same search runs over a database and in the simulator. Not thread-safe.
/// </remarks>
internal sealed class StreamSearch
{
    private const int RowsFirst = 4;
    private const int RowsMax = 64;
    private const int WholeRowsMax = 256;

    private readonly IReadOnlyList<IdLookup> lookups;
    private readonly IdHistoryReader searches;
    private readonly HashSet<TransferId> readOn = [];
    private readonly long last;
    private bool isComplete;
    private long place;

    /// <summary>Starts a search.</summary>
    /// <param name="account">The account whose stream it is.</param>
    /// <param name="lookups">The questions.</param>
    public StreamSearch(AccountAddress account, IReadOnlyList<IdLookup> lookups)
    {
        ArgumentNullException.ThrowIfNull(lookups);
        this.lookups = lookups;
        searches = new IdHistoryReader(account, lookups.Select(static lookup => lookup.Id));

        // What is decided after a question left is not about the ids that were asked: one last row will do for all.
        last = lookups.Count == 0 ? 0 : lookups.Max(static lookup => lookup.UpTo);
    }

    /// <summary>What was found about an id; null for nothing.</summary>
    /// <param name="lookup">The question.</param>
    public IdHistory? Found(IdLookup lookup)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        return searches.Found(lookup.Id);
    }

    /// <summary>Whether what was found is the answer: that there is nothing more is known only from an index that is
    /// complete.</summary>
    /// <param name="lookup">The question.</param>
    public bool IsProved(IdLookup lookup) => isComplete || searches.IsOver(lookup)
        || (lookup.SequenceNr > 0 && !lookup.WithLater && !searches.IsOpenAbout(lookup.Id));

    /// <summary>What is to be asked, each when the one before has been answered.</summary>
    public IEnumerable<StreamQuestion> Questions()
    {
        var named = new SortedSet<long>(lookups.Select(static one => one.SequenceNr).Where(static one => one > 0));
        foreach (var row in named)
        {
            yield return Ask(row, row, 1, out var content);
            Take(content);
        }

        foreach (var question in ReadOn())
        {
            yield return question;
        }

        var open = lookups.Where(static one => one.SequenceNr == 0).ToList();
        if (open.Count > 0)
        {
            yield return AskIndex([.. open.Select(static one => one.Id).Distinct()], out var index);
            isComplete = index.IsComplete;
            foreach (var question in ReadEntries(index.Rows, open))
            {
                yield return question;
            }

            foreach (var question in ReadStretches(open))
            {
                yield return question;
            }
        }

        if (searches.HasOpen)
        {
            yield return AskIndex([.. searches.Open().Select(static one => one.Id)], out var outcomes);
            isComplete = outcomes.IsComplete;
            foreach (var row in outcomes.Rows.Where(row => row <= last))
            {
                yield return Ask(row, row, 1, out var one);
                Take(one);
            }
        }
    }

    /// <summary>What is to be asked where there is no index: all rows.</summary>
    public IEnumerable<StreamQuestion> WholeStream()
    {
        for (long from = 1; from <= last;)
        {
            yield return Ask(from, last, WholeRowsMax, out var page);
            from = Take(page) + 1;
        }

        isComplete = true;
    }

    private IEnumerable<StreamQuestion> ReadEntries(IReadOnlyList<long> rows, List<IdLookup> open)
    {
        foreach (var row in rows)
        {
            if (row > last || open.Count == 0)
            {
                yield break;
            }

            yield return Ask(row, row, 1, out var one);
            Take(one);
            foreach (var question in ReadOn())
            {
                yield return question;
            }

            open.RemoveAll(searches.IsOver);
        }
    }

    // Those that overlap are read once.
    private IEnumerable<StreamQuestion> ReadStretches(List<IdLookup> open)
    {
        var stretches = open.Where(static one => one.NotBefore <= one.NotAfter)
            .OrderBy(static one => one.NotBefore).ToList();
        for (var i = 0; i < stretches.Count && last > 0;)
        {
            var notAfter = stretches[i].NotAfter;
            var end = i + 1;
            for (; end < stretches.Count && stretches[end].NotBefore <= notAfter; end++)
            {
                notAfter = stretches[end].NotAfter > notAfter ? stretches[end].NotAfter : notAfter;
            }

            var searched = stretches.GetRange(i, end - i);
            foreach (var question in FindPlace(searched[0]))
            {
                yield return question;
            }

            var size = RowsFirst;
            LedgerTime? first = null;
            for (var from = place; from <= last && searched.Count > 0;)
            {
                yield return Ask(from, last, size, out var page);
                from = Take(page) + 1;
                searched.RemoveAll(searches.IsOver);
                first ??= page.Rows[0].Events[0].At;
                var reached = page.Rows[^1].Events[0].At;
                if (reached > notAfter)
                {
                    break;
                }

                // As many as the rest has, by those so far.
                double passed = reached.UnixMicroseconds - first.Value.UnixMicroseconds;
                var left = notAfter.UnixMicroseconds - reached.UnixMicroseconds;
                size = passed > 0
                    ? (int)Math.Clamp((from - place) * left / passed, 1, RowsMax)
                    : Math.Min(size * 2, RowsMax);
            }

            foreach (var question in ReadOn())
            {
                yield return question;
            }

            i = end;
        }
    }

    // Guesses from times, and halves where the guesses are bad. A row that is a little too early will do.
    private IEnumerable<StreamQuestion> FindPlace(IdLookup lookup)
    {
        var (low, high, slow) = (1L, last + 1, 0);
        double lowTime = lookup.FirstTime.UnixMicroseconds;
        double highTime = lookup.LastTime.UnixMicroseconds;
        var aim = lookup.NotBefore.UnixMicroseconds - (IdWindow.WidthMicroseconds / 2);
        while (high - low > 1)
        {
            var width = high - low;
            var share = slow < 2 && highTime > lowTime ? Math.Clamp((aim - lowTime) / (highTime - lowTime), 0, 1) : 0.5;
            var guess = Math.Clamp(low + (long)(share * width), low + 1, high - 1);
            yield return Ask(guess, guess, 1, out var one);
            var time = One(one).Events[0].At;

            // An operator's verdict may seem earlier than the row before it: then that one is to be looked at.
            if (time < lookup.NotBefore && !one.Rows[0].IsVerdict)
            {
                (low, lowTime) = (guess, time.UnixMicroseconds);
                if (lookup.NotBefore.UnixMicroseconds - time.UnixMicroseconds <= IdWindow.WidthMicroseconds)
                {
                    break;
                }
            }
            else
            {
                (high, highTime) = (guess, time.UnixMicroseconds);
            }

            slow = high - low > width / 2 ? slow + 1 : 0;
        }

        place = low;
    }

    // What a row prepares is mostly decided in one of the next, which does not bring the ids up again.
    private IEnumerable<StreamQuestion> ReadOn()
    {
        foreach (var (key, row) in searches.HasOpen ? searches.Open() : [])
        {
            if (!readOn.Add(key))
            {
                continue;
            }

            var end = Math.Min(row + IdWindow.OutcomeRowsMax, last);
            var size = RowsFirst;
            for (var from = row + 1; from <= end && searches.IsOpen(key); size = Math.Min(size * 2, RowsMax))
            {
                yield return Ask(from, end, size, out var page);
                from = Take(page) + 1;
            }
        }
    }

    private static RowsQuestion Ask(long from, long to, int rowsMax, out RowsQuestion question) =>
        question = new RowsQuestion(from, to, rowsMax);

    private IndexQuestion AskIndex(IReadOnlyCollection<TransferId> ids, out IndexQuestion question) =>
        question = new IndexQuestion(ids, last, lookups.MaxBy(static one => one.Newest.SequenceNr)!.Newest);

    private long Take(RowsQuestion page)
    {
        foreach (var row in page.Rows)
        {
            searches.Add(row);
        }

        return One(page).SequenceNr - 1 + page.Rows.Count;
    }

    private EventBatch One(RowsQuestion page) => page.Rows is [var first, ..] && first.SequenceNr == page.From
        ? first
        : throw new LedgerInvariantException($"{searches.Account}: row {page.From} is missing");
}
