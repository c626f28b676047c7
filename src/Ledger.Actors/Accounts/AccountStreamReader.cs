using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Reads accounts' streams for what memory does not hold: statements, and ids beyond the window.</summary>
/// <remarks>Only rows that the account has said are durable are read, so nothing here sees what may be taken back. Every
/// row says how many entries, and which balances, precede it; so a page costs a binary search and its own rows, whatever
/// the length of the stream.</remarks>
internal sealed class AccountStreamReader(IAccountStreams streams)
{
    private const int RowsFirst = 16;
    private const int RowsMax = 256;

    public IAccountStreams Streams => streams;

    // ---------------------------------------------------------------- ids

    // Reads of pages wait for each other rather than take the store's connections from accounts that wake.
    private readonly SemaphoreSlim pages = new(8);

    /// <summary>Finds what the journal holds about ids; null where it holds nothing.</summary>
    public async Task<IdFound?[]> FindAsync(
        AccountAddress account, IReadOnlyList<IdLookup> lookups, CancellationToken cancellationToken)
    {
        var found = new IdFound?[lookups.Count];
        var searching = new Dictionary<TransferId, (IdSearch Search, IdLookup Lookup)>(lookups.Count);
        for (var i = 0; i < lookups.Count; i++)
        {
            var lookup = lookups[i];
            var search = new IdSearch(lookup.Id);
            if (lookup.SequenceNr > 0)
            {
                await SearchAsync(
                    account, new() { [lookup.Id] = (search, lookup) }, lookup.SequenceNr, lookup.UpTo, RowsFirst,
                    cancellationToken);
                found[i] = search.Found;
            }
            else
            {
                searching.Add(lookup.Id, (search, lookup));
            }
        }

        if (searching.Count > 0)
        {
            // What is decided after the question left is not about the ids that were asked: the last row will do.
            var notBefore = searching.Values.Min(static one => one.Lookup.NotBefore);
            var last = searching.Values.Max(static one => one.Lookup.UpTo);
            var from = last == 0 ? 1 : await LastRowWhereAsync(
                account, last, row => row.Events[0].At < notBefore, cancellationToken);
            var all = searching.Values.ToDictionary(static one => one.Lookup.Id, static one => one.Search);
            await SearchAsync(account, searching, from, last, RowsMax, cancellationToken);
            for (var i = 0; i < lookups.Count; i++)
            {
                found[i] ??= all.GetValueOrDefault(lookups[i].Id)?.Found;
            }
        }

        return found;
    }

    private async Task SearchAsync(
        AccountAddress account, Dictionary<TransferId, (IdSearch Search, IdLookup Lookup)> searching, long from, long last,
        int rowsFirst, CancellationToken cancellationToken)
    {
        var size = rowsFirst;
        while (searching.Count > 0 && from <= last)
        {
            var rows = await ReadAsync(account, from, last, size, cancellationToken);
            if (rows.Count == 0)
            {
                throw new JournalCorruptException($"Row {from} of {account} is missing.");
            }

            foreach (var row in rows)
            {
                foreach (var happened in row.Events)
                {
                    if (IdSearch.IdOf(happened) is { } id && searching.TryGetValue(id, out var one))
                    {
                        one.Search.Add(happened);
                        if (one.Search.Found is not null)
                        {
                            searching.Remove(id);
                        }
                    }
                }
            }

            var reached = rows[^1].Events[0].At;
            foreach (var (id, (search, lookup)) in searching)
            {
                if (search.Content is null && reached > lookup.NotAfter)
                {
                    searching.Remove(id);
                }
            }

            from = rows[^1].SequenceNr + 1;
            size = RowsMax;
        }
    }

    // ---------------------------------------------------------------- statements

    public async Task<StatementPage> ReadPageAsync(
        StatementQuery query, StatementFenceAnswer fence, CancellationToken cancellationToken)
    {
        var account = query.Account;
        var low = Math.Max(1, query.MinSequence);
        var high = Math.Min(fence.EntryCount, query.MaxSequence);
        if (low <= high && query.StartTime is { } start)
        {
            low = Math.Max(low, await FirstAtOrAfterAsync(account, start, fence, cancellationToken));
        }

        if (low <= high && query.EndTime is { } end)
        {
            high = Math.Min(high, await FirstAtOrAfterAsync(account, end, fence, cancellationToken) - 1);
        }

        if (low > high)
        {
            return new StatementPage([], null);
        }

        var count = (int)Math.Min((ulong)query.Limit, high - low + 1);
        if (query.NewestFirst)
        {
            var first = high - (ulong)count + 1;
            var entries = await ReadEntriesAsync(account, first, count, fence, cancellationToken);
            entries.Reverse();
            return new StatementPage(entries, first > low ? first - 1 : null);
        }

        var last = low + (ulong)count - 1;
        return new StatementPage(
            await ReadEntriesAsync(account, low, count, fence, cancellationToken), last < high ? last + 1 : null);
    }

    private async Task<List<StatementEntry>> ReadEntriesAsync(
        AccountAddress account, ulong first, int count, StatementFenceAnswer fence, CancellationToken cancellationToken)
    {
        var entries = new List<StatementEntry>(count);
        var from = await LastRowWhereAsync(
            account, fence.SequenceNr, row => row.EntriesBefore < first, cancellationToken);
        var size = RowsFirst;
        while (entries.Count < count)
        {
            var rows = await ReadAsync(account, from, fence.SequenceNr, size, cancellationToken);
            if (rows.Count == 0)
            {
                throw new JournalCorruptException($"Entry {first + (ulong)entries.Count} of {account} is missing.");
            }

            var contents = await ContentsAsync(account, rows, cancellationToken);
            foreach (var row in rows)
            {
                AddEntries(row, contents, first, count, entries);
            }

            from = rows[^1].SequenceNr + 1;
            size = Math.Min(size * 2, RowsMax);
        }

        return entries;
    }

    private static void AddEntries(
        EventBatch row, Dictionary<TransferId, Transfer> contents, ulong first, int count, List<StatementEntry> entries)
    {
        var number = row.EntriesBefore;
        var debits = row.Before.DebitsPosted;
        var credits = row.Before.CreditsPosted;
        foreach (var happened in row.Events)
        {
            Transfer transfer;
            LedgerTime time;
            bool isDebit;
            switch (happened)
            {
                case AnchorCommitted committed:
                    transfer = contents[committed.Id];
                    time = committed.CommitTime;
                    isDebit = true;
                    debits += transfer.Amount;
                    break;
                case CloserCommitted closed:
                    transfer = closed.Transfer;
                    time = closed.At;
                    isDebit = false;
                    credits += transfer.Amount;
                    break;
                default:
                    continue;
            }

            number++;
            if (number >= first && entries.Count < count)
            {
                entries.Add(new StatementEntry(number, happened.At, transfer, time, isDebit, debits, credits));
            }
        }
    }

    // An anchor's commit names the row that holds the transfer. Most are among the rows at hand or just before them.
    private async Task<Dictionary<TransferId, Transfer>> ContentsAsync(
        AccountAddress account, IReadOnlyList<EventBatch> rows, CancellationToken cancellationToken)
    {
        var contents = new Dictionary<TransferId, Transfer>();
        foreach (var row in rows)
        {
            Collect(row, contents);
        }

        var missing = new SortedSet<long>();
        foreach (var row in rows)
        {
            foreach (var happened in row.Events)
            {
                if (happened is AnchorCommitted committed && !contents.ContainsKey(committed.Id))
                {
                    missing.Add(committed.PreparedSequenceNr);
                }
            }
        }

        while (missing.Count > 0)
        {
            var from = missing.Min;
            var to = from;
            foreach (var wanted in missing)
            {
                if (wanted - to > 8 || wanted - from >= RowsMax)
                {
                    break;
                }

                to = wanted;
            }

            foreach (var row in await ReadAsync(account, from, to, RowsMax, cancellationToken))
            {
                Collect(row, contents);
            }

            missing.RemoveWhere(wanted => wanted <= to);
        }

        return contents;
    }

    private static void Collect(EventBatch row, Dictionary<TransferId, Transfer> contents)
    {
        foreach (var happened in row.Events)
        {
            if (happened is TransferPrepared prepared)
            {
                contents[prepared.Transfer.Id] = prepared.Transfer;
            }
        }
    }

    // The number of the first entry booked at a time or later; one past the last when there is none.
    private async Task<ulong> FirstAtOrAfterAsync(
        AccountAddress account, LedgerTime time, StatementFenceAnswer fence, CancellationToken cancellationToken)
    {
        var from = await LastRowWhereAsync(
            account, fence.SequenceNr, row => row.Events[0].At < time, cancellationToken);
        var size = RowsFirst;
        while (from <= fence.SequenceNr)
        {
            var rows = await ReadAsync(account, from, fence.SequenceNr, size, cancellationToken);
            if (rows.Count == 0)
            {
                break;
            }

            foreach (var row in rows)
            {
                var number = row.EntriesBefore;
                foreach (var happened in row.Events)
                {
                    if (happened is AnchorCommitted or CloserCommitted)
                    {
                        number++;
                        if (happened.At >= time)
                        {
                            return number;
                        }
                    }
                }
            }

            from = rows[^1].SequenceNr + 1;
            size = Math.Min(size * 2, RowsMax);
        }

        return fence.EntryCount + 1;
    }

    // The last row for which a condition holds that holds for the rows up to some point and for none after it; 1 when it
    // holds for none.
    private async Task<long> LastRowWhereAsync(
        AccountAddress account, long last, Func<EventBatch, bool> holds, CancellationToken cancellationToken)
    {
        long low = 1;
        var high = last;
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            var row = await ReadAsync(account, middle, middle, 1, cancellationToken);
            if (row.Count == 0)
            {
                throw new JournalCorruptException($"Row {middle} of {account} is missing.");
            }

            if (holds(row[0]))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private async Task<IReadOnlyList<EventBatch>> ReadAsync(
        AccountAddress account, long from, long to, int rowsMax, CancellationToken cancellationToken)
    {
        IReadOnlyList<StreamRow> rows;
        await pages.WaitAsync(cancellationToken);
        try
        {
            rows = await streams.ReadAsync(
                AccountActor.PersistenceIdOf(account), from, to, rowsMax, descending: false, cancellationToken);
        }
        finally
        {
            pages.Release();
        }

        var batches = new List<EventBatch>(rows.Count);
        foreach (var row in rows)
        {
            if (row.Manifest != LedgerSerializer.RowManifest)
            {
                throw new JournalCorruptException($"Row {row.SequenceNr} of {account} has the manifest '{row.Manifest}'.");
            }

            batches.Add(JournalCodec.Decode(row.Payload, account, row.SequenceNr, out _));
        }

        return batches;
    }
}
