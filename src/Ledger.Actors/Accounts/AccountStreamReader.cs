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

    private readonly IIndexedStreams? index = streams as IIndexedStreams;

    public IAccountStreams Streams => streams;

    // ---------------------------------------------------------------- ids

    // Reads of pages wait for each other rather than take the store's connections from accounts that wake.
    private readonly SemaphoreSlim pages = new(8);

    /// <summary>Finds what the journal holds about ids; null where it holds nothing.</summary>
    public async Task<IdFound?[]> FindAsync(
        AccountAddress account, IReadOnlyList<IdLookup> lookups, CancellationToken cancellationToken)
    {
        var found = new IdFound?[lookups.Count];
        var ordered = new List<IdLookup>(lookups.Count);
        var indexed = new List<IdLookup>();
        for (var i = 0; i < lookups.Count; i++)
        {
            var lookup = lookups[i];
            if (lookup.SequenceNr > 0)
            {
                found[i] = (await SearchAsync(
                    account, [lookup], lookup.SequenceNr, lookup.UpTo, RowsFirst, cancellationToken)).Found(lookup.Id);
            }
            else
            {
                (IsIndexed(lookup.Id) ? indexed : ordered).Add(lookup);
            }
        }

        var byTime = await SearchByTimeAsync(account, ordered, cancellationToken);
        var byIndex = await SearchByIndexAsync(account, indexed, cancellationToken);
        for (var i = 0; i < lookups.Count; i++)
        {
            var lookup = lookups[i];
            if (lookup.SequenceNr == 0)
            {
                found[i] = (IsIndexed(lookup.Id) ? byIndex : byTime).Found(lookup.Id);
            }
        }

        return found;
    }

    private bool IsIndexed(TransferId id) => index is not null && !id.IsTimeOrdered;

    private async Task<IdSearches> SearchByTimeAsync(
        AccountAddress account, List<IdLookup> lookups, CancellationToken cancellationToken)
    {
        if (lookups.Count == 0)
        {
            return new IdSearches(account, []);
        }

        // What is decided after the question left is not about the ids that were asked: the last row will do.
        var notBefore = lookups.Min(static one => one.NotBefore);
        var last = lookups.Max(static one => one.UpTo);
        var from = last == 0 ? 1 : await LastRowWhereAsync(
            account, last, row => row.Events[0].At < notBefore, cancellationToken);
        return await SearchAsync(account, lookups, from, last, RowsMax, cancellationToken);
    }

    private async Task<IdSearches> SearchByIndexAsync(
        AccountAddress account, List<IdLookup> lookups, CancellationToken cancellationToken)
    {
        if (lookups.Count == 0)
        {
            return new IdSearches(account, []);
        }

        var last = lookups.Max(static one => one.UpTo);
        IndexedRows indexed;
        await pages.WaitAsync(cancellationToken);
        try
        {
            indexed = await index!.FindIdsAsync(
                AccountActor.PersistenceIdOf(account), lookups.ConvertAll(static one => one.Id), last, cancellationToken);
        }
        finally
        {
            pages.Release();
        }

        // Rows from before there was an index are searched one and all, as all were then.
        var read = Math.Min(indexed.After, last);
        var searches = await SearchAsync(account, lookups, 1, read, RowsMax, cancellationToken);
        var open = lookups.FindAll(lookup => !searches.IsOver(lookup, default));
        await DecideAsync();
        foreach (var row in indexed.Rows)
        {
            if (open.Count > 0 && row > read && row <= last)
            {
                await ReadFromAsync(row, RowsFirst);
                await DecideAsync();
            }
        }

        return searches;

        // What a row prepares is decided in a later one, which does not bring the ids up again.
        async Task DecideAsync()
        {
            for (var size = RowsFirst; open.Count > 0 && searches.HasOpen && read < last; size = Math.Min(size * 2, RowsMax))
            {
                await ReadFromAsync(read + 1, size);
            }
        }

        async Task ReadFromAsync(long row, int size)
        {
            var rows = await AddRowsAsync(searches, account, row, last, size, cancellationToken);
            read = rows[^1].SequenceNr;
            open.RemoveAll(lookup => searches.IsOver(lookup, rows[^1].Events[0].At));
        }
    }

    private async Task<IdSearches> SearchAsync(
        AccountAddress account, IReadOnlyList<IdLookup> lookups, long from, long last, int rowsFirst,
        CancellationToken cancellationToken)
    {
        var searches = new IdSearches(account, lookups.Select(static lookup => lookup.Id));
        var searching = new List<IdLookup>(lookups);
        var size = rowsFirst;
        while (searching.Count > 0 && from <= last)
        {
            var rows = await AddRowsAsync(searches, account, from, last, size, cancellationToken);
            var reached = rows[^1].Events[0].At;
            searching.RemoveAll(lookup => searches.IsOver(lookup, reached));
            from = rows[^1].SequenceNr + 1;
            size = RowsMax;
        }

        return searches;
    }

    private async Task<IReadOnlyList<EventBatch>> AddRowsAsync(
        IdSearches searches, AccountAddress account, long from, long last, int size, CancellationToken cancellationToken)
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
                searches.Add(happened, row.SequenceNr);
            }
        }

        return rows;
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
        var first = query.NewestFirst ? high - (ulong)count + 1 : low;
        var read = await ReadEntriesAsync(account, first, count, fence, cancellationToken);
        if (query.NewestFirst)
        {
            read.Reverse();
        }

        var entries = await FitAsync(account, read, cancellationToken);
        var last = entries[^1].Sequence;
        return new StatementPage(
            entries, query.NewestFirst ? (last > low ? last - 1 : null) : last < high ? last + 1 : null);
    }

    // What can be answered: with what entries leave to their holds, and no more than an answer may have.
    private async Task<List<StatementEntry>> FitAsync(
        AccountAddress account, List<(StatementEntry Entry, long HoldRow)> read, CancellationToken cancellationToken)
    {
        var left = read.FindAll(static one => one.HoldRow != 0).ConvertAll(static one => (one.HoldRow, one.Entry.Transfer.PendingId));
        var holds = await HoldsAsync(account, left, cancellationToken);
        var entries = new List<StatementEntry>(read.Count);
        var size = EncodedSize.Row;
        foreach (var (bare, row) in read)
        {
            var entry = bare;
            if (row != 0)
            {
                if (!holds.TryGetValue(bare.Transfer.PendingId, out var hold))
                {
                    break;
                }

                entry = bare with { Transfer = bare.Transfer.WithTextOf(hold.Reference, hold.Metadata) };
            }

            size += EncodedSize.OfEntry(entry);
            if (size > LedgerSizes.AnswerMax && entries.Count > 0)
            {
                break;
            }

            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>Reads the transfers that made holds, for the reference and the metadata that posts and voids leave to them.</summary>
    /// <param name="account">The account.</param>
    /// <param name="wanted">The rows and the holds. Where their rows have more than <see cref="LedgerSizes.StatementReadMax"/>
    /// bytes, the last ones are left out; the first one never is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyDictionary<TransferId, Transfer>> HoldsAsync(
        AccountAddress account, IReadOnlyList<(long Row, TransferId Hold)> wanted, CancellationToken cancellationToken)
    {
        var holds = new Dictionary<TransferId, Transfer>();
        if (wanted.Count == 0)
        {
            return holds;
        }

        var ids = wanted.Select(static one => one.Hold).ToHashSet();
        var rows = new SortedSet<long>(wanted.Select(static one => one.Row));
        long read = 0;
        foreach (var (row, id) in wanted)
        {
            if (holds.ContainsKey(id))
            {
                continue;
            }

            if (read >= LedgerSizes.StatementReadMax)
            {
                break;
            }

            // With those that lie close behind it: holds that were made together are resolved together.
            var to = row;
            foreach (var next in rows.GetViewBetween(row, row + RowsFirst))
            {
                to = next;
            }

            foreach (var batch in await ReadAsync(account, row, to, RowsFirst + 1, cancellationToken))
            {
                read += batch.Size;
                foreach (var happened in batch.Events)
                {
                    var part = happened switch
                    {
                        TransactionPrepared prepared => prepared.Part,
                        CloserCommitted closed => closed.Part,
                        _ => null,
                    };
                    foreach (var leg in part?.Legs ?? [])
                    {
                        if (leg.IsHold && ids.Contains(leg.Transfer!.Id))
                        {
                            holds[leg.Transfer.Id] = leg.Transfer;
                        }
                    }
                }
            }

            if (!holds.ContainsKey(id))
            {
                throw new JournalCorruptException($"Row {row} of {account} does not hold {id}, which it is named for.");
            }
        }

        return holds;
    }

    private async Task<List<(StatementEntry Entry, long HoldRow)>> ReadEntriesAsync(
        AccountAddress account, ulong first, int count, StatementFenceAnswer fence, CancellationToken cancellationToken)
    {
        var entries = new List<(StatementEntry Entry, long HoldRow)>(count);
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
                AddEntries(account, row, contents, first, count, entries);
            }

            from = rows[^1].SequenceNr + 1;
            size = Math.Min(size * 2, RowsMax);
        }

        return entries;
    }

    private static void AddEntries(
        AccountAddress account, EventBatch row, Dictionary<TransferId, TransactionPart> contents, ulong first, int count,
        List<(StatementEntry Entry, long HoldRow)> entries)
    {
        var number = row.EntriesBefore;
        var debits = row.Before.DebitsPosted;
        var credits = row.Before.CreditsPosted;
        foreach (var happened in row.Events)
        {
            TransactionPart part;
            LedgerTime time;
            switch (happened)
            {
                case TransactionCommitted committed:
                    part = contents[committed.Key];
                    time = committed.CommitTime;
                    break;
                case CloserCommitted closed:
                    part = closed.Part;
                    time = closed.CommitTime;
                    break;
                default:
                    continue;
            }

            foreach (var leg in part.Legs)
            {
                if (!leg.IsPosting || !leg.Concerns(account))
                {
                    continue;
                }

                var isDebit = leg.Transfer!.DebitAccount == account;
                if (isDebit)
                {
                    debits += leg.Amount;
                }
                else
                {
                    credits += leg.Amount;
                }

                number++;
                if (number >= first && entries.Count < count)
                {
                    // A statement shows what was moved, which need not be what was asked for.
                    var transfer = leg.Transfer.Amount == leg.Amount
                        ? leg.Transfer
                        : leg.Transfer with { Amount = leg.Amount };
                    if (transfer.ResolvesHold && leg.HoldRow == 0 && part.Legs.FirstOrDefault(
                        one => one.IsHold && one.Transfer!.Id == transfer.PendingId) is { Transfer: { } hold })
                    {
                        transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
                    }

                    entries.Add((
                        new StatementEntry(number, happened.At, transfer, time, isDebit, debits, credits)
                        {
                            TransactionId = part.Id,
                        },
                        leg.HoldRow));
                }
            }
        }
    }

    // An anchor's commit names the row that holds the transfer. Most are among the rows at hand or just before them.
    private async Task<Dictionary<TransferId, TransactionPart>> ContentsAsync(
        AccountAddress account, IReadOnlyList<EventBatch> rows, CancellationToken cancellationToken)
    {
        var contents = new Dictionary<TransferId, TransactionPart>();
        foreach (var row in rows)
        {
            Collect(row, contents);
        }

        var missing = new SortedSet<long>();
        foreach (var row in rows)
        {
            foreach (var happened in row.Events)
            {
                if (happened is TransactionCommitted committed && !contents.ContainsKey(committed.Key))
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

            // A page of long rows may end earlier.
            var found = await ReadAsync(account, from, to, RowsMax, cancellationToken);
            if (found.Count == 0)
            {
                throw new JournalCorruptException($"Row {from} of {account} is missing.");
            }

            foreach (var row in found)
            {
                Collect(row, contents);
            }

            var reached = found[^1].SequenceNr;
            missing.RemoveWhere(wanted => wanted <= reached);
        }

        return contents;
    }

    private static void Collect(EventBatch row, Dictionary<TransferId, TransactionPart> contents)
    {
        foreach (var happened in row.Events)
        {
            if (happened is TransactionPrepared prepared)
            {
                contents[prepared.Part.Key] = prepared.Part;
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

            var contents = await ContentsAsync(account, rows, cancellationToken);
            foreach (var row in rows)
            {
                var number = row.EntriesBefore;
                foreach (var happened in row.Events)
                {
                    var part = happened switch
                    {
                        TransactionCommitted committed => contents[committed.Key],
                        CloserCommitted closed => closed.Part,
                        _ => null,
                    };
                    var entries = part?.Legs.Count(leg => leg.IsPosting && leg.Concerns(account)) ?? 0;
                    if (entries > 0 && happened.At >= time)
                    {
                        return number + 1;
                    }

                    number += (ulong)entries;
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
            if (row.Manifest is not (LedgerSerializer.RowManifest or LedgerSerializer.WorkRowManifest))
            {
                throw new JournalCorruptException($"Row {row.SequenceNr} of {account} has the manifest '{row.Manifest}'.");
            }

            var batch = JournalCodec.Decode(row.Payload, account, row.SequenceNr, out _);
            batch.Size = row.Payload.Length;
            batches.Add(batch);
        }

        return batches;
    }
}
