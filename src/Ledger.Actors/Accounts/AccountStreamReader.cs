using Akka.Event;
using Ledger.Actors.Journal;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Reads accounts' streams for what memory does not hold: statements, and ids beyond the window.</summary>
/// <remarks>Only rows that the account has said are durable are read, so nothing here sees what may be taken back.
/// Every row says how many entries, and which balances, precede it; so a page costs a binary search and its own rows,
/// whatever the length of the stream.</remarks>
internal sealed class AccountStreamReader
{
    private const int RowsFirst = 16;
    private const int RowsMax = 256;

    private const int RepairsMax = 3;
    private const int AtOnceMax = 8;

    private readonly IAccountStreams streams;
    private readonly IIndexedStreams? index;

    /// <summary>Makes a reader.</summary>
    /// <param name="streams">The streams.</param>
    /// <param name="log">Is told where the index of ids is not what it must be.</param>
    public AccountStreamReader(IAccountStreams streams, ILoggingAdapter? log = null)
    {
        this.streams = streams;
        index = streams as IIndexedStreams;
        Repairs = index is null ? null : new IdIndexRepairs(
            index, (account, from, to, rowsMax, token) => ReadAsync(account, from, to, rowsMax, null, token), log);
    }

    public IAccountStreams Streams => streams;

    /// <summary>Makes the index of ids again where it is not complete; null where there is none.</summary>
    public IdIndexRepairs? Repairs { get; }

    /// <summary>What look-ups of ids have cost.</summary>
    public IdLookupCount Lookups { get; } = new();

    // ---------------------------------------------------------------- ids

    // Reads of pages wait for each other rather than take the store's connections from accounts that wake.
    private readonly SemaphoreSlim pages = new(AtOnceMax);

    // What a page is made of has tens of MiB in memory: so do statements.
    private readonly SemaphoreSlim statements = new(AtOnceMax);

    /// <summary>Finds what the journal holds about ids, by reading few rows; an answer is not proved where the index is
    /// not complete.</summary>
    public async Task<IReadOnlyList<IdAnswer>> AskAsync(
        AccountAddress account, IReadOnlyList<IdLookup> lookups, CancellationToken cancellationToken)
    {
        Lookups.Asked(lookups.Count);
        var search = new StreamSearch(account, lookups);
        foreach (var question in index is null ? search.WholeStream() : search.Questions())
        {
            cancellationToken.ThrowIfCancellationRequested();
            await AnswerAsync(account, question, cancellationToken);
        }

        return [.. lookups.Select(lookup => new IdAnswer(lookup, search.Found(lookup), search.IsProved(lookup)))];
    }

    /// <summary>Finds what the journal holds about ids; where the index is not complete, it is made again
    /// first.</summary>
    public async Task<IReadOnlyList<IdAnswer>> FindAsync(
        AccountAddress account, IReadOnlyList<IdLookup> lookups, CancellationToken cancellationToken)
    {
        for (var repairs = 0; ; repairs++)
        {
            var answers = await AskAsync(account, lookups, cancellationToken);
            if (answers.All(static one => one.IsProved))
            {
                return answers;
            }

            if (repairs == RepairsMax)
            {
                throw new InvalidOperationException(
                    $"The index of ids was made again for {account}, and is still not complete: somebody takes "
                        + "entries out of it.");
            }

            await Repairs!.RepairAsync(account, lookups.Max(static one => one.UpTo), cancellationToken);
        }
    }

    private async Task AnswerAsync(AccountAddress account, StreamQuestion question, CancellationToken cancellationToken)
    {
        switch (question)
        {
            case RowsQuestion rows:
                rows.Rows = await ReadAsync(account, rows.From, rows.To, rows.RowsMax, null, cancellationToken);
                Lookups.Read(rows.Rows.Count);
                if (rows.Rows.Count == 0)
                {
                    throw new JournalCorruptException($"Row {rows.From} of {account} is missing.");
                }

                break;
            case IndexQuestion asked:
                await pages.WaitAsync(cancellationToken);
                try
                {
                    var indexed = await index!.FindIdsAsync(
                        AccountActor.PersistenceIdOf(account), asked.Ids, asked.UpTo, asked.Newest, cancellationToken);
                    asked.Rows = indexed.Rows;
                    asked.IsComplete = indexed.IsComplete;
                }
                finally
                {
                    pages.Release();
                }

                break;
            default:
                throw new InvalidOperationException($"Nobody answers a {question.GetType().Name}.");
        }
    }

    // ---------------------------------------------------------------- statements

    /// <summary>Reads a page of a statement, within <see cref="LedgerSizes.StatementReadMax"/>: it ends early where its
    /// rows have as much, with one entry at least, and says where the next one begins.</summary>
    /// <param name="query">What is asked.</param>
    /// <param name="fence">Up to where the account's rows are durable.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<StatementPage> ReadPageAsync(
        StatementQuery query, FlushResponse fence, CancellationToken cancellationToken)
    {
        await statements.WaitAsync(cancellationToken);
        try
        {
            return await ReadOnePageAsync(query, fence, cancellationToken);
        }
        finally
        {
            statements.Release();
        }
    }

    private async Task<StatementPage> ReadOnePageAsync(
        StatementQuery query, FlushResponse fence, CancellationToken cancellationToken)
    {
        var account = query.Account;
        var allowance = new ReadAllowance(LedgerSizes.StatementReadMax);
        var low = Math.Max(1, query.MinSequence);
        var high = Math.Min(fence.EntryCount, query.MaxSequence);
        if (low <= high && query.StartTime is { } start)
        {
            low = Math.Max(low, await FirstAtOrAfterAsync(account, start, fence, allowance, cancellationToken));
        }

        if (low <= high && query.EndTime is { } end)
        {
            high = Math.Min(high, await FirstAtOrAfterAsync(account, end, fence, allowance, cancellationToken) - 1);
        }

        if (low > high)
        {
            return new StatementPage([], null);
        }

        var count = Math.Min((ulong)query.PageSize, high - low + 1);
        var read = query.NewestFirst
            ? await ReadNewestAsync(account, high - count + 1, high, fence, allowance, cancellationToken)
            : await ReadOldestAsync(account, low, low + count - 1, fence, allowance, cancellationToken);
        var entries = await FitAsync(account, fence.Asset, read, allowance, cancellationToken);
        var last = entries[^1].Sequence;
        return new StatementPage(
            entries, query.NewestFirst ? (last > low ? last - 1 : null) : last < high ? last + 1 : null);
    }

    // What can be answered: with what entries leave to their holds, and no more than an answer may have.
    private async Task<List<StatementEntry>> FitAsync(
        AccountAddress account, Asset asset, List<(StatementEntry Entry, long HoldRow)> read, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        var left = read.FindAll(static one => one.HoldRow != 0)
            .ConvertAll(static one => (one.HoldRow, one.Entry.Transfer.HoldId));
        var holds = await HoldsAsync(account, left, allowance, cancellationToken);
        var entries = new List<StatementEntry>(read.Count);
        var size = EncodedSize.Row;
        foreach (var (bare, row) in read)
        {
            var entry = bare with { Asset = asset };
            if (row != 0)
            {
                if (!holds.TryGetValue(bare.Transfer.HoldId, out var hold))
                {
                    break;
                }

                entry = entry with { Transfer = bare.Transfer.WithTextOf(hold.Reference, hold.Metadata) };
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

    /// <summary>Reads the transfers that made holds, for the reference and the metadata that posts and voids leave to
    /// them.</summary>
    /// <param name="account">The account.</param>
    /// <param name="wanted">The rows and the holds. Where their rows have more than
    /// <see cref="LedgerSizes.StatementReadMax"/> bytes, the last ones are left out; the first one never is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyDictionary<TransferId, Transfer>> HoldsAsync(
        AccountAddress account, IReadOnlyList<(long Row, TransferId Hold)> wanted,
        CancellationToken cancellationToken) =>
        HoldsAsync(account, wanted, new ReadAllowance(LedgerSizes.StatementReadMax), cancellationToken);

    private async Task<IReadOnlyDictionary<TransferId, Transfer>> HoldsAsync(
        AccountAddress account, IReadOnlyList<(long Row, TransferId Hold)> wanted, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        var holds = new Dictionary<TransferId, Transfer>();
        if (wanted.Count == 0)
        {
            return holds;
        }

        var ids = wanted.Select(static one => one.Hold).ToHashSet();
        var rows = new SortedSet<long>(wanted.Select(static one => one.Row));
        foreach (var (row, id) in wanted)
        {
            if (holds.ContainsKey(id))
            {
                continue;
            }

            if (allowance.IsSpent && holds.Count > 0)
            {
                break;
            }

            // With those that lie close behind it: holds that were made together are resolved together.
            var to = row;
            foreach (var next in rows.GetViewBetween(row, row + RowsFirst))
            {
                to = next;
            }

            foreach (var batch in await ReadAsync(account, row, to, RowsFirst + 1, allowance, cancellationToken))
            {
                foreach (var happened in batch.Events)
                {
                    var part = happened switch
                    {
                        TransactionPrepared prepared => prepared.Branch,
                        LastAgentCommitted closed => closed.Branch,
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

    // Half of what may be read: what entries leave to their holds is read after them.
    private static bool IsEnough(List<(StatementEntry Entry, long HoldRow)> entries, ReadAllowance allowance) =>
        entries.Count > 0 && allowance.Left <= LedgerSizes.StatementReadMax / 2;

    private async Task<List<(StatementEntry Entry, long HoldRow)>> ReadOldestAsync(
        AccountAddress account, ulong low, ulong high, FlushResponse fence, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        var entries = new List<(StatementEntry Entry, long HoldRow)>();
        var contents = new ContentsRead();
        var from = await LastRowWhereAsync(
            account, fence.SequenceNr, row => row.EntriesBefore < low, allowance, cancellationToken);
        var size = RowsFirst;
        var count = (int)(high - low + 1);
        while (true)
        {
            var rows = await ReadAsync(account, from, fence.SequenceNr, size, allowance, cancellationToken);
            if (rows.Count == 0)
            {
                throw new JournalCorruptException($"Entry {low + (ulong)entries.Count} of {account} is missing.");
            }

            contents.Add(rows);
            foreach (var row in rows)
            {
                await FillAsync(account, row, contents, allowance, cancellationToken);
                AddEntries(account, row, contents.Parts, low, high, entries);
                if (entries.Count == count || IsEnough(entries, allowance))
                {
                    return entries;
                }
            }

            from = rows[^1].SequenceNr + 1;
            size = Math.Min(size * 2, RowsMax);
        }
    }

    // Downwards, so that a page that ends early has the newest ones.
    private async Task<List<(StatementEntry Entry, long HoldRow)>> ReadNewestAsync(
        AccountAddress account, ulong low, ulong high, FlushResponse fence, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        var entries = new List<(StatementEntry Entry, long HoldRow)>();
        var ofRow = new List<(StatementEntry Entry, long HoldRow)>();
        var contents = new ContentsRead();
        var to = await LastRowWhereAsync(
            account, fence.SequenceNr, row => row.EntriesBefore < high, allowance, cancellationToken);
        var size = RowsFirst;
        var count = (int)(high - low + 1);
        var above = ulong.MaxValue;
        while (true)
        {
            var rows = await ReadAsync(account, 1, to, size, allowance, cancellationToken, descending: true);
            if (rows.Count == 0)
            {
                throw new JournalCorruptException($"Entry {high - (ulong)entries.Count} of {account} is missing.");
            }

            contents.Add(rows);
            foreach (var row in rows)
            {
                // A verdict makes no entry. Nor does a row with as many before it as the one after it.
                if (row.IsVerdict || row.EntriesBefore == above)
                {
                    continue;
                }

                above = row.EntriesBefore;
                await FillAsync(account, row, contents, allowance, cancellationToken);
                ofRow.Clear();
                AddEntries(account, row, contents.Parts, low, high, ofRow);
                ofRow.Reverse();
                entries.AddRange(ofRow);
                if (entries.Count == count || IsEnough(entries, allowance))
                {
                    return entries;
                }
            }

            to = rows[^1].SequenceNr - 1;
            size = Math.Min(size * 2, RowsMax);
        }
    }

    private static void AddEntries(
        AccountAddress account, EventBatch row, Dictionary<TransferId, TransactionBranch> contents, ulong low,
        ulong high,
        List<(StatementEntry Entry, long HoldRow)> entries)
    {
        var number = row.EntriesBefore;
        var debits = row.Before.DebitsPosted;
        var credits = row.Before.CreditsPosted;
        foreach (var happened in row.Events)
        {
            TransactionBranch part;
            LedgerTime time;
            switch (happened)
            {
                case TransactionCommitted committed:
                    part = contents[committed.Key];
                    time = committed.CommitTime;
                    break;
                case LastAgentCommitted closed:
                    part = closed.Branch;
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
                if (number >= low && number <= high)
                {
                    // A statement shows what was moved, which need not be what was asked for.
                    var transfer = leg.Transfer.Amount == leg.Amount
                        ? leg.Transfer
                        : leg.Transfer with { Amount = leg.Amount };
                    if (transfer.ResolvesHold && leg.HoldRow == 0 && part.Legs.FirstOrDefault(
                        one => one.IsHold && one.Transfer!.Id == transfer.HoldId) is { Transfer: { } hold })
                    {
                        transfer = transfer.WithTextOf(hold.Reference, hold.Metadata);
                    }

                    entries.Add((
                        new StatementEntry(
                            number, happened.At, transfer, time,
                            isDebit ? EntryDirection.Debit : EntryDirection.Credit, debits, credits)
                        {
                            TransactionId = part.Id,
                        },
                        leg.HoldRow));
                }
            }
        }
    }

    // A commit names the row that holds what it commits. Most are among the rows at hand or just before them. A row's
    // commits together stand for no more than LedgerSizes.RowContentFull, so one row can always be shown.
    private async Task FillAsync(
        AccountAddress account, EventBatch row, ContentsRead contents, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        foreach (var happened in row.Events)
        {
            if (happened is not TransactionCommitted committed || contents.Parts.ContainsKey(committed.Key))
            {
                continue;
            }

            var from = committed.PreparedSequenceNr;
            var found = await ReadAsync(
                account, from, contents.LastTogether(from, RowsMax), RowsMax, allowance, cancellationToken);
            if (found.Count == 0 || found[0].SequenceNr != from)
            {
                throw new JournalCorruptException($"Row {from} of {account} is missing.");
            }

            contents.AddNamed(found);
            if (!contents.Parts.ContainsKey(committed.Key))
            {
                throw new JournalCorruptException(
                    $"Row {from} of {account} does not hold {committed.Key}, which row {row.SequenceNr} commits.");
            }
        }
    }

    // The number of the first entry booked at a time or later; one past the last when there is none. Rows are in the
    // order of their times: what precedes it is what precedes the last row that begins earlier, and some of that row.
    private async Task<ulong> FirstAtOrAfterAsync(
        AccountAddress account, LedgerTime time, FlushResponse fence, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        var from = await LastRowWhereAsync(
            account, fence.SequenceNr, row => row.Time < time, allowance, cancellationToken);
        var row = await WithCountersAsync(account, from, fence.SequenceNr, allowance, cancellationToken);
        if (row is not null && row.Events[0].At < time && row.Events[^1].At < time)
        {
            row = await WithCountersAsync(account, row.SequenceNr + 1, fence.SequenceNr, allowance, cancellationToken);
        }

        if (row is null)
        {
            return fence.EntryCount + 1;
        }

        var number = row.EntriesBefore + 1;
        if (row.Events[0].At >= time)
        {
            return number;
        }

        var contents = new ContentsRead();
        contents.Add([row]);
        await FillAsync(account, row, contents, allowance, cancellationToken);
        foreach (var happened in row.Events)
        {
            if (happened.At >= time)
            {
                break;
            }

            var part = happened switch
            {
                TransactionCommitted committed => contents.Parts[committed.Key],
                LastAgentCommitted closed => closed.Branch,
                _ => null,
            };
            number += (ulong)(part?.Legs.Count(leg => leg.IsPosting && leg.Concerns(account)) ?? 0);
        }

        return number;
    }

    // The last row for which a condition holds that holds for the rows up to some point and for none after it; 1 when
    // it holds for none.
    private async Task<long> LastRowWhereAsync(
        AccountAddress account, long last, Func<RowHead, bool> holds, ReadAllowance allowance,
        CancellationToken cancellationToken)
    {
        long low = 1;
        var high = last;
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (await HeadWithCountersAsync(account, middle, high, allowance, cancellationToken) is { } row
                && holds(row))
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

    private async Task<RowHead?> HeadWithCountersAsync(
        AccountAddress account, long number, long last, ReadAllowance allowance, CancellationToken cancellationToken)
    {
        for (; number <= last; number++)
        {
            var rows = await ReadRowsAsync(account, number, number, 1, cancellationToken);
            if (rows.Count == 0)
            {
                throw new JournalCorruptException($"Row {number} of {account} is missing.");
            }

            allowance.Take(rows[0].Payload.Length);
            if (DecodeHead(rows[0], account) is { IsVerdict: false } head)
            {
                return head;
            }
        }

        return null;
    }

    // An operator's verdict does not say how many entries precede it. It makes none, so the next row that says it
    // speaks for it too; where there is none up to the last one, a reader had better begin earlier.
    private async Task<EventBatch?> WithCountersAsync(
        AccountAddress account, long number, long last, ReadAllowance allowance, CancellationToken cancellationToken)
    {
        for (; number <= last; number++)
        {
            var row = await ReadAsync(account, number, number, 1, allowance, cancellationToken);
            if (row.Count == 0)
            {
                throw new JournalCorruptException($"Row {number} of {account} is missing.");
            }

            if (!row[0].IsVerdict)
            {
                return row[0];
            }
        }

        return null;
    }

    private async Task<IReadOnlyList<EventBatch>> ReadAsync(
        AccountAddress account, long from, long to, int rowsMax, ReadAllowance? allowance,
        CancellationToken cancellationToken, bool descending = false)
    {
        var rows = await ReadRowsAsync(account, from, to, rowsMax, cancellationToken, descending);
        var batches = new List<EventBatch>(rows.Count);
        foreach (var row in rows)
        {
            var batch = Decode(row, account, out _);
            batch.Size = row.Payload.Length;
            allowance?.Take(batch.Size);
            batches.Add(batch);
        }

        return batches;
    }

    private async Task<IReadOnlyList<StreamRow>> ReadRowsAsync(
        AccountAddress account, long from, long to, int rowsMax, CancellationToken cancellationToken,
        bool descending = false)
    {
        await pages.WaitAsync(cancellationToken);
        try
        {
            return await streams.ReadAsync(
                AccountActor.PersistenceIdOf(account), from, to, rowsMax, descending, cancellationToken);
        }
        finally
        {
            pages.Release();
        }
    }

    private static RowHead DecodeHead(in StreamRow row, AccountAddress account) =>
        row.Manifest is LedgerSerializer.RowManifest or LedgerSerializer.HoldRowManifest
            ? JournalCodec.DecodeHead(row.Payload, account, row.SequenceNr)
            : throw new JournalCorruptException(
                $"Row {row.SequenceNr} of {account} has the manifest '{row.Manifest}'.");

    /// <summary>Reads one row of an account.</summary>
    /// <param name="row">The row.</param>
    /// <param name="account">The account.</param>
    /// <param name="previousHash">The hash of the row before, as this one says it.</param>
    /// <exception cref="JournalCorruptException">It is none.</exception>
    internal static EventBatch Decode(
        in StreamRow row, AccountAddress account, out ReadOnlyMemory<byte> previousHash) =>
        row.Manifest is LedgerSerializer.RowManifest or LedgerSerializer.HoldRowManifest
            ? JournalCodec.Decode(row.Payload, account, row.SequenceNr, out previousHash)
            : throw new JournalCorruptException(
                $"Row {row.SequenceNr} of {account} has the manifest '{row.Manifest}'.");
}
