using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.Persistence;
using Akka.Persistence.Journal;
using Akka.Persistence.Sql.Journal;
using Akka.Serialization;
using Akka.Util;
using Ledger.Actors.Journal;
using Ledger.Actors.Telemetry;
using Ledger.Actors.Timing;
using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>The SQL plugin's journal with its hot paths replaced: group commit of whatever is waiting, with the
/// failure of one account kept to that account, and direct reads. Tables, row format, deletes and queries stay the
/// plugin's.</summary>
/// <remarks>
/// <para>What a failure means. A write that can't be serialized, finds the queue full or whose key is taken fails alone
/// and is not stored. A row that has no predecessor fails everything, for good: the database has lost rows (R19 a). Any
/// other failure of the database fails everything in its batch, with unknown outcome.</para>
/// <para>A write that can't be serialized fails, where the plugin rejects it: a rejected event uses up its sequence
/// number, so the stream would have a hole and the actor would live on without having been called back.</para>
/// <para><c>writer_uuid</c> is that of the actor's incarnation, where the plugin writes one per journal. With one per
/// journal, an account that moves from node A to B and back shows writers A, B, A, which the replay filter takes for
/// a stale writer; in mode <c>fail</c> the account could never recover again.</para>
/// </remarks>
internal abstract class GroupCommitJournal : SqlWriteJournal
{
    // As wide as the plugin's columns. Checked here, since the database would refuse the whole batch.
    private const int PersistenceIdLengthMax = 255;
    private const int ManifestLengthMax = 500;

    private static readonly SearchValues<char> s_suspects = SearchValues.Create(Suspects());
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(5);

    // When a further writer comes to the help of the first: where the batch is worth a transaction of its own, or the
    // first is held up. Two that share few rows cost the database twice as many transactions, and nobody waits less.
    private const int WorthATransaction = 32;
    private static readonly TimeSpan s_heldUpAfter = TimeSpan.FromMilliseconds(2);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly ExtendedActorSystem _system = (ExtendedActorSystem)Context.System;
    private readonly DatabaseWatch _database = DatabaseWatch.Of(Context.System);
    private readonly NodeMetrics _metrics = NodeMetrics.Of(Context.System);
    private readonly Serialization _serialization = Context.System.Serialization;
    private readonly string _journalUuid = Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);
    private readonly string? _defaultSerializer;
    private readonly int _writers;
    private readonly int _batchRowsMax;
    private readonly long _batchBytesMax;
    private readonly int _batchIdsMax;
    private readonly long _rowBytesMax;
    private readonly PageReads _pages;
    private readonly Channel<Write> _queue;
    private readonly int _queueSize;
    private readonly List<Task> _loops = [];

    // Writes that may still land, so that a recovery waits for them: else it could miss a row and reuse its number.
    private readonly ConcurrentDictionary<string, Task> _inFlight = new(StringComparer.Ordinal);

    private readonly PrefetchedPages _prefetched = new();
    private volatile bool _stopping;

    // Batches that any writer has taken so far.
    private long _taken;

    protected GroupCommitJournal(Config config)
        : base(config)
    {
        // A row says by the ledger's time when it was written: the newest one tells the next process what time it was.
        var setup = _system.Settings.Setup.Get<LedgerSetup>();
        Clock = setup.HasValue ? setup.Value.Clock : new LedgerClock(TimeProvider.System);
        _defaultSerializer = config.GetString("serializer");
        if (string.Equals(_defaultSerializer, "null", StringComparison.Ordinal))
        {
            _defaultSerializer = null;
        }

        _writers = Positive(config, "writers", 1);
        _queueSize = Positive(config, "queue-size", 20_000);
        _batchRowsMax = Positive(config, "batch-rows-max", LedgerSizes.GroupRowsMax);
        _batchBytesMax = Positive(config, "batch-bytes-max", LedgerSizes.GroupFull);
        _batchIdsMax = Positive(config, "batch-ids-max", LedgerSizes.GroupIdsMax);
        _rowBytesMax = Positive(config, "row-bytes-max", LedgerSizes.RowMax);
        _pages = new PageReads(
            new PageSize(Positive(config, "read-page-rows", 300), Positive(config, "read-page-bytes", LedgerSizes.PageMax)),
            IsTimeout,
            (stream, size) => _log.Warning(
                "A page of {0} took too long; it is read in pages of up to {1} rows and {2} bytes for a while", stream, size.Rows,
                size.Bytes));
        _queue = Channel.CreateBounded<Write>(new BoundedChannelOptions(_queueSize)
        {
            SingleReader = _writers == 1,
            FullMode = BoundedChannelFullMode.Wait,
        });
    }

    /// <summary>The ledger's time.</summary>
    internal LedgerClock Clock { get; }

    /// <summary>Makes what one writer loop appends with. Must not touch the database yet.</summary>
    protected abstract IJournalAppender CreateAppender(DatabaseWatch database);

    /// <summary>Reads a page of rows in the order of their numbers, deleted ones too.</summary>
    protected abstract Task<StoredPage> ReadPageAsync(PageQuestion question, CancellationToken cancellationToken);

    /// <summary>Whether a failure to read says that the time was up, so that less may do. Not asked about
    /// cancellations.</summary>
    protected abstract bool IsTimeout(Exception exception);

    /// <summary>Notes that a page was not brought in the time that whoever asked for it had: the next is
    /// smaller.</summary>
    protected void TookLong(PageQuestion question) => _pages.TookLong(question.PersistenceId, question.Size);

    /// <summary>Reads the highest number of a stream above the given one, or 0.</summary>
    protected abstract Task<long> ReadHighestAsync(
        string persistenceId, long aboveSequenceNr, CancellationToken cancellationToken);

    protected override void PreStart()
    {
        base.PreStart();
        for (var i = 0; i < _writers; i++)
        {
            var appender = CreateAppender(_database);
            var helps = i > 0;
            var place = _database.AddWriter();
            _loops.Add(Task.Run(() => WriteLoopAsync(appender, helps, place)));
        }
    }

    protected override void PostStop()
    {
        // What is queued is still written: its outcome is better known than unknown. Bounded, since the database may
        // be what has gone.
        _queue.Writer.TryComplete();
        _stopping = true;
        if (!Task.WaitAll([.. _loops], s_stopTimeout))
        {
            _log.Warning("The journal stopped before its last writes ended; their outcome is unknown.");
        }

        base.PostStop();
    }

    protected override Task<IImmutableList<Exception>> WriteMessagesAsync(
        IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        Write write;
        try
        {
            write = Serialize(messages, cancellationToken);
        }
        catch (Exception e)
        {
            return Task.FromException<IImmutableList<Exception>>(
                new JournalWriteException($"A write can't be stored: {e.Message}", e));
        }

        if (write.Rows == 0)
        {
            return Task.FromResult<IImmutableList<Exception>>(null!);
        }

        var persistenceId = write.First.PersistenceId;
        _inFlight[persistenceId] = write.Task;
        if (!_queue.Writer.TryWrite(write))
        {
            End(write, new JournalWriteException(_stopping
                ? "The journal is stopping."
                : $"The journal is overloaded: {_queueSize} writes wait already."));
        }

        return write.Task;
    }

    public override async Task<long> ReadHighestSequenceNrAsync(
        string persistenceId, long fromSequenceNr, CancellationToken cancellationToken)
    {
        if (_inFlight.TryGetValue(persistenceId, out var write))
        {
            // Whether it succeeds does not matter, only that it has ended. If it has not by the time the caller gives
            // up, the recovery fails: better than one that misses a row.
            await write.WaitAsync(cancellationToken).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            cancellationToken.ThrowIfCancellationRequested();
        }

        // A replay from the next row on follows this question, so the answer is taken from those rows: mostly they
        // fit into one page, and an account wakes with one query less.
        // After a snapshot the row that it stands on is read too: a journal that ends before it, as one that was
        // restored beside newer snapshots does, must not be gone on with from a place that it never reached.
        var from = checked(fromSequenceNr + 1);
        var page = await ReadPageAsync(persistenceId, Math.Max(1, fromSequenceNr), long.MaxValue, cancellationToken);
        var rows = page.Rows;
        if (fromSequenceNr > 0)
        {
            if (rows.Count == 0 || rows[0].SequenceNr != fromSequenceNr)
            {
                throw new InvalidOperationException(
                    $"The journal of {persistenceId} does not hold row {fromSequenceNr}, which its snapshot stands on. "
                    + "The snapshots belong to another journal: remove them, they can all be dropped.");
            }

            rows.RemoveAt(0);
            if (rows.Count == 0 && !page.HasMore)
            {
                return fromSequenceNr;
            }
        }

        if (rows.Count == 0 && !page.HasMore)
        {
            return 0;
        }

        _prefetched.Put(persistenceId, from, page);
        return !page.HasMore
            ? rows[^1].SequenceNr
            : Math.Max(fromSequenceNr, await ReadHighestAsync(persistenceId, fromSequenceNr, cancellationToken));
    }

    public override async Task ReplayMessagesAsync(
        IActorContext context, string persistenceId, long fromSequenceNr, long toSequenceNr, long max,
        Action<IPersistentRepresentation> recoveryCallback)
    {
        var next = fromSequenceNr;
        var left = max;

        // Not to be told from its first number: the row that the snapshot stands on was of that page as well.
        if (!_prefetched.TryTake(persistenceId, fromSequenceNr, out var page))
        {
            page = await ReadPageAsync(persistenceId, next, toSequenceNr, CancellationToken.None);
        }

        while (true)
        {
            foreach (var row in page.Rows)
            {
                if (row.SequenceNr > toSequenceNr || left <= 0)
                {
                    return;
                }

                next = checked(row.SequenceNr + 1);
                if (row.Deleted)
                {
                    continue;
                }

                left--;
                recoveryCallback(new Persistent(
                    _serialization.Deserialize(row.Message, row.SerializerId, row.Manifest),
                    row.SequenceNr,
                    persistenceId,
                    row.Manifest,
                    isDeleted: false,
                    ActorRefs.NoSender,
                    row.WriterUuid,
                    row.CreatedTicks));
            }

            if (!page.HasMore || next > toSequenceNr || left <= 0)
            {
                return;
            }

            // While the next page is read, nobody needs the last one.
            page = default;
            page = await ReadPageAsync(persistenceId, next, toSequenceNr, CancellationToken.None);
        }
    }

    private Task<StoredPage> ReadPageAsync(string persistenceId, long from, long to, CancellationToken cancellationToken) =>
        _pages.ReadAsync(
            persistenceId,
            int.MaxValue,
            (size, token) => ReadPageAsync(new PageQuestion(persistenceId, from, to, size), token),
            cancellationToken);

    private Write Serialize(IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        var write = new Write(cancellationToken);
        var now = Clock.GetUtcNow().UtcTicks;
        foreach (var message in messages)
        {
            if (message.Payload is not IImmutableList<IPersistentRepresentation> events)
            {
                throw new ArgumentException($"{message.PersistenceId} sent a write without events.");
            }

            for (var i = 0; i < events.Count; i++)
            {
                write.Add(Serialize(events[i], now));
            }
        }

        return write;
    }

    private AppendRow Serialize(IPersistentRepresentation representation, long now)
    {
        var payload = representation.Payload;
        if (payload is Tagged)
        {
            throw new NotSupportedException("This journal stores no tags.");
        }

        var serializer = _serialization.FindSerializerForType(payload.GetType(), _defaultSerializer);
        var manifest = serializer switch
        {
            SerializerWithStringManifest withManifest => withManifest.Manifest(payload),
            { IncludeManifest: true } => payload.GetType().TypeQualifiedName(),
            _ => string.Empty,
        };
        var message = Serialization.WithTransport(
            _system, (serializer, payload), static state => state.serializer.ToBinary(state.payload));

        CheckText(representation.PersistenceId, PersistenceIdLengthMax, "persistence id");
        CheckText(manifest, ManifestLengthMax, "manifest");
        if (message is null || message.Length > _rowBytesMax)
        {
            throw new ArgumentException(
                $"Event {representation.SequenceNr} of {representation.PersistenceId} has {message?.Length ?? 0} bytes;"
                + $" from 1 to {_rowBytesMax} can be stored.");
        }

        return new AppendRow(
            representation.PersistenceId,
            representation.SequenceNr,
            representation.Timestamp == 0 ? now : representation.Timestamp,
            message,
            serializer.Identifier,
            manifest,
            string.IsNullOrEmpty(representation.WriterGuid) ? _journalUuid : representation.WriterGuid)
        {
            Entries = (payload as JournalRow)?.Entries,
            Generation = (payload as JournalRow)?.Generation,
        };
    }

    private static void CheckText(string text, int lengthMax, string what)
    {
        if (text is null || text.Length > lengthMax)
        {
            throw new ArgumentException($"A {what} has {text?.Length} characters; up to {lengthMax} can be stored.");
        }

        // Rare, so that the strict check does not run for every row.
        if (text.AsSpan().ContainsAny(s_suspects))
        {
            if (text.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException($"A {what} contains the character U+0000.");
            }

            _ = s_strictUtf8.GetByteCount(text);
        }
    }

    private static char[] Suspects()
    {
        var suspects = new List<char> { '\0' };
        for (var c = 0xD800; c <= 0xDFFF; c++)
        {
            suspects.Add((char)c);
        }

        return [.. suspects];
    }

    private async Task WriteLoopAsync(IJournalAppender appender, bool helps, int place)
    {
        var batch = new List<Write>();
        var rows = new List<AppendRow>();
        var reader = _queue.Reader;
        await using (appender)
        {
            while (await reader.WaitToReadAsync())
            {
                if (helps && !await IsHelpNeededAsync(reader))
                {
                    continue;
                }

                Interlocked.Increment(ref _taken);
                batch.Clear();
                rows.Clear();
                var fill = new GroupFill(_batchRowsMax, _batchBytesMax, _batchIdsMax);
                while (!fill.IsFull && reader.TryRead(out var write))
                {
                    if (GaveUp(write))
                    {
                        continue;
                    }

                    batch.Add(write);
                    write.CopyTo(rows);
                    fill.Add(write.Rows, write.Bytes, write.Ids);
                }

                if (batch.Count == 0)
                {
                    continue;
                }

                try
                {
                    await WriteBatchAsync(appender, batch, rows, place);
                }
                catch (Exception e)
                {
                    // Whatever it was, nobody may wait for ever.
                    ReportLoss(appender, e);
                    foreach (var write in batch)
                    {
                        End(write, e);
                    }
                }
            }
        }
    }

    // Whatever holds the first writer up, a slow database or a broken connection, what waits is taken.
    private async ValueTask<bool> IsHelpNeededAsync(ChannelReader<Write> reader)
    {
        if (reader.Count >= WorthATransaction)
        {
            return true;
        }

        var taken = Interlocked.Read(ref _taken);
        await Task.Delay(s_heldUpAfter);
        return reader.Count >= WorthATransaction || Interlocked.Read(ref _taken) == taken;
    }

    /// <summary>Ends a write whose caller no longer waits and which has not been sent. It alone is dropped.</summary>
    private bool GaveUp(Write write)
    {
        if (write.First.Generation is { } generation && generation != _database.Generation)
        {
            End(write, new DatabaseChangedException());
            return true;
        }

        if (!write.CancellationToken.IsCancellationRequested)
        {
            return false;
        }

        End(write, new JournalWriteException("The write waited too long in the journal's queue."));
        return true;
    }

    private async Task WriteBatchAsync(IJournalAppender appender, List<Write> batch, List<AppendRow> rows, int place)
    {
        if (_database.Loss is { } loss)
        {
            throw new JournalWriteException(loss);
        }

        Exception failure;
        AppendFault fault;
        var started = _metrics.StartWrite();
        try
        {
            await appender.AppendAsync(rows, isolating: false);
            NoteAcknowledged(rows, place);
            foreach (var write in batch)
            {
                End(write, failure: null);
            }

            _metrics.Wrote(started, rows.Count, stored: true);
            return;
        }
        catch (Exception e)
        {
            failure = e;
            fault = appender.Classify(e);
        }

        if (!IsOfOneRow(fault))
        {
            ReportLoss(appender, failure);
            _log.Warning(failure, "{0} rows were not confirmed; whether they are stored is unknown.", rows.Count);
            foreach (var write in batch)
            {
                End(write, failure);
            }

            _metrics.Wrote(started, rows.Count, stored: false);
            return;
        }

        _metrics.Wrote(started, rows.Count, stored: false);
        await IsolateAsync(appender, batch, rows, place, failure);
    }

    // Of accounts, whose rows are never deleted.
    private void NoteAcknowledged(List<AppendRow> rows, int place)
    {
        for (var i = rows.Count - 1; i >= 0; i--)
        {
            if (rows[i].Generation is not null)
            {
                _database.Acknowledged(place, rows[i]);
                return;
            }
        }
    }

    private static bool IsOfOneRow(AppendFault fault) => fault is not (AppendFault.Unknown or AppendFault.Lost);

    // Before anybody is told that a write has failed.
    private void ReportLoss(IJournalAppender appender, Exception failure)
    {
        if (appender.Classify(failure) == AppendFault.Lost)
        {
            _database.ReportLoss(failure.Message, mustEnd: true);
        }
    }

    /// <summary>Stores a batch of which some row is faulty by halving it, account by account, until the faulty
    /// accounts are alone. Only they fail.</summary>
    private async Task IsolateAsync(
        IJournalAppender appender, List<Write> batch, List<AppendRow> rows, int place, Exception failure)
    {
        var accounts = ByAccount(batch);
        var failed = 0;
        var pending = new Stack<(int Start, int Count, Exception? Failure)>();
        pending.Push((0, accounts.Count, failure));
        while (pending.TryPop(out var range))
        {
            var known = range.Failure;
            if (known is null)
            {
                try
                {
                    await AppendRangeAsync(appender, accounts, range.Start, range.Count, rows, place);
                    continue;
                }
                catch (Exception e) when (IsOfOneRow(appender.Classify(e)))
                {
                    known = e;
                }
            }

            if (range.Count > 1)
            {
                var half = range.Count / 2;
                pending.Push((range.Start + half, range.Count - half, Failure: null));
                pending.Push((range.Start, half, Failure: null));
                continue;
            }

            failed += await WriteAloneAsync(appender, accounts[range.Start], rows, place, known);
        }

        _log.Warning(
            failure,
            "{0} of {1} writes in a batch failed alone; the others are stored. The first reason was: {2}",
            failed,
            batch.Count,
            failure.Message);
    }

    private async Task AppendRangeAsync(
        IJournalAppender appender, List<List<Write>> accounts, int start, int count, List<AppendRow> rows, int place)
    {
        rows.Clear();
        for (var i = start; i < start + count; i++)
        {
            foreach (var write in accounts[i])
            {
                if (!write.Task.IsCompleted && !GaveUp(write))
                {
                    write.CopyTo(rows);
                }
            }
        }

        if (rows.Count == 0)
        {
            return;
        }

        var started = _metrics.StartWrite();
        await appender.AppendAsync(rows, isolating: true);
        NoteAcknowledged(rows, place);
        for (var i = start; i < start + count; i++)
        {
            foreach (var write in accounts[i])
            {
                End(write, failure: null);
            }
        }

        _metrics.Wrote(started, rows.Count, stored: true);
    }

    /// <summary>Stores the writes of one account of which some row is faulty, one after the other; after a failed one
    /// the others fail too, since they were decided upon it.</summary>
    private async Task<int> WriteAloneAsync(
        IJournalAppender appender, List<Write> writes, List<AppendRow> rows, int place, Exception failure)
    {
        var failed = 0;
        Exception? known = writes.Count == 1 ? failure : null;
        foreach (var write in writes)
        {
            if (known is null)
            {
                if (write.Task.IsCompleted || GaveUp(write))
                {
                    continue;
                }

                try
                {
                    rows.Clear();
                    write.CopyTo(rows);
                    var started = _metrics.StartWrite();
                    await appender.AppendAsync(rows, isolating: true);
                    NoteAcknowledged(rows, place);
                    End(write, failure: null);
                    _metrics.Wrote(started, rows.Count, stored: true);
                    continue;
                }
                catch (Exception e) when (IsOfOneRow(appender.Classify(e)))
                {
                    known = e;
                }
            }

            failed++;
            var reason = appender.Classify(known) switch
            {
                AppendFault.Duplicate => "another incarnation has written there",
                AppendFault.Locked => "another transaction holds its place",
                _ => "the database refuses it",
            };
            End(write, new JournalWriteException(
                $"Row {write.First.SequenceNr} of {write.First.PersistenceId} is not stored: {reason}.", known));
        }

        return failed;
    }

    private static List<List<Write>> ByAccount(List<Write> batch)
    {
        var accounts = new List<List<Write>>(batch.Count);
        var places = new Dictionary<string, int>(batch.Count, StringComparer.Ordinal);
        foreach (var write in batch)
        {
            if (places.TryGetValue(write.First.PersistenceId, out var place))
            {
                accounts[place].Add(write);
                continue;
            }

            places.Add(write.First.PersistenceId, accounts.Count);
            accounts.Add([write]);
        }

        return accounts;
    }

    private void End(Write write, Exception? failure)
    {
        // Only its own entry: a later write of the account may have taken the place.
        _inFlight.TryRemove(new KeyValuePair<string, Task>(write.First.PersistenceId, write.Task));
        write.End(failure);
    }

    private static int Positive(Config config, string key, int defaultValue)
    {
        var value = config.GetInt(key, defaultValue);
        return value > 0
            ? value
            : throw new ConfigurationException(
                $"{StorageHocon.JournalPlugin}.{key} is {value}; it must be positive.");
    }

    /// <summary>All rows of one call: mostly exactly one.</summary>
    private sealed class Write(CancellationToken cancellationToken)
    {
        private readonly TaskCompletionSource<IImmutableList<Exception>> _end =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        private List<AppendRow>? _others;

        public CancellationToken CancellationToken { get; } = cancellationToken;

        public AppendRow First { get; private set; }

        public int Rows { get; private set; }

        public long Bytes { get; private set; }

        /// <summary>How many entries of the index of ids it brings.</summary>
        public int Ids { get; private set; }

        public Task<IImmutableList<Exception>> Task => _end.Task;

        public void Add(in AppendRow row)
        {
            if (Rows == 0)
            {
                First = row;
            }
            else
            {
                (_others ??= []).Add(row);
            }

            Rows++;
            Bytes += row.Message.Length;
            Ids += row.Entries?.Ids.Count ?? 0;
        }

        public void CopyTo(List<AppendRow> rows)
        {
            rows.Add(First);
            if (_others is not null)
            {
                rows.AddRange(_others);
            }
        }

        public void End(Exception? failure)
        {
            if (failure is null)
            {
                // Null says "all written" without a list.
                _end.TrySetResult(null!);
            }
            else if (_end.TrySetException(failure))
            {
                // The caller may have given up: nobody else looks at it then.
                _ = _end.Task.Exception;
            }
        }
    }
}
