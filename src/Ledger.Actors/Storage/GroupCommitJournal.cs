using System.Collections.Immutable;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.Persistence;
using Akka.Persistence.Sql.Journal;
using Akka.Serialization;
using Ledger.Actors.Journal;
using Ledger.Actors.Telemetry;
using Ledger.Actors.Timing;

namespace Ledger.Actors.Storage;

/// <summary>The SQL plugin's journal with its hot paths replaced: group commit of whatever is waiting (<see
/// cref="GroupWriter"/>), and direct reads. Tables, row format, deletes and queries stay the plugin's.</summary>
/// <remarks>
/// <para>A write that can't be serialized fails, where the plugin rejects it: a rejected event uses up its sequence
/// number, so the stream would have a hole and the actor would live on without having been called back.</para>
/// <para><c>writer_uuid</c> is that of the actor's incarnation, where the plugin writes one per journal. With one per
/// journal, an account that moves from node A to B and back shows writers A, B, A, which the replay filter takes for
/// a stale writer; in mode <c>fail</c> the account could never recover again.</para>
/// </remarks>
internal abstract class GroupCommitJournal : SqlWriteJournal
{
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(5);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly ExtendedActorSystem _system = (ExtendedActorSystem)Context.System;
    private readonly Serialization _serialization = Context.System.Serialization;
    private readonly int _writers;
    private readonly PageReads _pages;
    private readonly RowEncoder _encoder;
    private readonly GroupWriter _writer;
    private readonly PrefetchedPages _prefetched = new();

    protected GroupCommitJournal(Config config)
        : base(config)
    {
        // A row says by the ledger's time when it was written: the newest one tells the next process what time it was.
        var setup = _system.Settings.Setup.Get<LedgerSetup>();
        Clock = setup.HasValue ? setup.Value.Clock : new LedgerClock(TimeProvider.System);
        var serializer = config.GetString("serializer");
        _encoder = new RowEncoder(
            _system,
            Clock,
            string.Equals(serializer, "null", StringComparison.Ordinal) ? null : serializer,
            Positive(config, "row-bytes-max", LedgerSizes.RowMax));
        _writers = Positive(config, "writers", 1);
        _writer = new GroupWriter(
            _log,
            DatabaseWatch.Of(_system),
            NodeMetrics.Of(_system),
            new GroupLimits(
                Positive(config, "queue-size", 20_000),
                Positive(config, "batch-rows-max", LedgerSizes.GroupRowsMax),
                Positive(config, "batch-bytes-max", LedgerSizes.GroupFull),
                Positive(config, "batch-ids-max", LedgerSizes.GroupIdsMax))
            {
                FollowersWaitMax = config.GetTimeSpan("followers-wait-max", TimeSpan.FromMilliseconds(1)),
            },
            _writers);
        _pages = new PageReads(
            new PageSize(
                Positive(config, "read-page-rows", 300), Positive(config, "read-page-bytes", LedgerSizes.PageMax)),
            IsTimeout,
            (stream, size) => _log.Warning(
                "A page of {0} took too long; it is read in pages of up to {1} rows and {2} bytes for a while", stream,
                size.Rows,
                size.Bytes));
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
            _writer.Start(CreateAppender(DatabaseWatch.Of(_system)));
        }
    }

    protected override void PostStop()
    {
        if (!_writer.Stop(s_stopTimeout))
        {
            _log.Warning("The journal stopped before its last writes ended; their outcome is unknown.");
        }

        base.PostStop();
    }

    protected override Task<IImmutableList<Exception>> WriteMessagesAsync(
        IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
    {
        JournalWrite write;
        try
        {
            write = _encoder.Encode(messages, cancellationToken);
        }
        catch (Exception e)
        {
            foreach (var row in RowsOf(messages))
            {
                // What rests on it must not wait for it (G5).
                row.Ticket?.TryFail();
                row.Follower?.End();
            }

            return Task.FromException<IImmutableList<Exception>>(
                new JournalWriteException($"A write can't be stored: {e.Message}", e));
        }

        if (write.Rows == 0)
        {
            return Task.FromResult<IImmutableList<Exception>>(null!);
        }

        _writer.Add(write);
        return write.Task;
    }

    public override async Task<long> ReadHighestSequenceNrAsync(
        string persistenceId, long fromSequenceNr, CancellationToken cancellationToken)
    {
        if (_writer.InFlightOf(persistenceId) is { } write)
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

    private Task<StoredPage> ReadPageAsync(
        string persistenceId, long from, long to, CancellationToken cancellationToken) =>
        _pages.ReadAsync(
            persistenceId,
            int.MaxValue,
            (size, token) => ReadPageAsync(new PageQuestion(persistenceId, from, to, size), token),
            cancellationToken);

    private static IEnumerable<JournalRow> RowsOf(IEnumerable<AtomicWrite> messages) => messages
        .SelectMany(static message => message.Payload as IImmutableList<IPersistentRepresentation> ?? [])
        .Select(static one => one.Payload).OfType<JournalRow>();

    private static int Positive(Config config, string key, int defaultValue)
    {
        var value = config.GetInt(key, defaultValue);
        return value > 0
            ? value
            : throw new ConfigurationException(
                $"{StorageHocon.JournalPlugin}.{key} is {value}; it must be positive.");
    }
}
