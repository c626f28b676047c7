using System.Collections.Concurrent;
using System.Threading.Channels;
using Akka.Event;
using Ledger.Actors.Telemetry;
using Ledger.Core;

namespace Ledger.Actors.Storage;

/// <summary>Stores the rows of all accounts of a node in groups: whatever is waiting goes into one transaction of the
/// database. The failure of one account is kept to that account and to those whose rows rest on its row.
/// Thread-safe.</summary>
/// <remarks>
/// <para>What a failure means. A write that finds the queue full or whose key is taken fails alone and is not stored. A
/// row that has no predecessor fails everything, for good: the database has lost rows (R19 a). Any other failure of the
/// database fails everything in its group, with unknown outcome.</para>
/// <para>What rests on what (R8'). A row goes into the transaction of every row that it rests on, or into a later one;
/// until then it is set aside (G3). Where one of them fails, or is not known to be durable, it fails too and is not
/// sent (G4). However a row ends, its ticket is decided before its own account is told (G1, G5).</para>
/// </remarks>
internal sealed class GroupWriter
{
    // When a further writer comes to the help of the first: where the batch is worth a transaction of its own, or the
    // first is held up. Two that share few rows cost the database twice as many transactions, and nobody waits less.
    private static readonly TimeSpan s_heldUpAfter = TimeSpan.FromMilliseconds(2);

    private readonly ILoggingAdapter _log;
    private readonly DatabaseWatch _database;
    private readonly NodeMetrics _metrics;
    private readonly GroupLimits _limits;
    private readonly Channel<JournalWrite> _queue;
    private readonly List<Task> _loops = [];

    // Writes that may still land, so that a recovery waits for them: else it could miss a row and reuse its number.
    private readonly ConcurrentDictionary<string, Task> _inFlight = new(StringComparer.Ordinal);

    private volatile bool _stopping;

    // Groups that any writer has taken so far.
    private long _taken;

    public GroupWriter(
        ILoggingAdapter log, DatabaseWatch database, NodeMetrics metrics, GroupLimits limits, int writers)
    {
        _log = log;
        _database = database;
        _metrics = metrics;
        _limits = limits;
        _queue = Channel.CreateBounded<JournalWrite>(new BoundedChannelOptions(limits.QueueSize)
        {
            SingleReader = writers == 1,
            FullMode = BoundedChannelFullMode.Wait,
        });
    }

    /// <summary>Starts one more writer.</summary>
    /// <param name="appender">What it appends with, which nobody else uses.</param>
    public void Start(IJournalAppender appender)
    {
        var helps = _loops.Count > 0;
        var place = _database.AddWriter();
        _loops.Add(Task.Run(() => WriteLoopAsync(appender, helps, place)));
    }

    /// <summary>Takes no further write, and waits until those that wait are stored: their outcome is better known than
    /// unknown.</summary>
    /// <param name="patience">For how long: the database may be what has gone.</param>
    /// <returns>Whether all have ended.</returns>
    public bool Stop(TimeSpan patience)
    {
        _queue.Writer.TryComplete();
        _stopping = true;
        return Task.WaitAll([.. _loops], patience);
    }

    /// <summary>Takes a write; its task says what becomes of it.</summary>
    public void Add(JournalWrite write)
    {
        _inFlight[write.First.PersistenceId] = write.Task;
        Enqueue(write);

        // After it: whoever waits for what has led to it finds it in the queue.
        write.Follower?.End();
    }

    /// <summary>The last write of a stream that was taken, if it may still land; else null.</summary>
    public Task? InFlightOf(string persistenceId) => _inFlight.GetValueOrDefault(persistenceId);

    private void Enqueue(JournalWrite write)
    {
        if (!_queue.Writer.TryWrite(write))
        {
            End(write, new JournalWriteException(_stopping
                ? "The journal is stopping."
                : $"The journal is overloaded: {_limits.QueueSize} writes wait already."));
        }
    }

    private async Task WriteLoopAsync(IJournalAppender appender, bool helps, int place)
    {
        var group = new WriteGroup(_limits.FollowersWaitMax);
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
                group.Begin();
                try
                {
                    var fill = _limits.NewFill();
                    Take(reader, group, ref fill);
                    await group.WhenFollowersCameAsync();
                    Take(reader, group, ref fill);
                    if (group.Writes.Count > 0)
                    {
                        await WriteAsync(appender, group, rows, place);
                    }
                }
                catch (Exception e)
                {
                    // Whatever it was, nobody may wait for ever.
                    ReportLoss(appender, e);
                    EndAll(group, e);
                }
            }
        }
    }

    // Whatever holds the first writer up, a slow database or a broken connection, what waits is taken.
    private async ValueTask<bool> IsHelpNeededAsync(ChannelReader<JournalWrite> reader)
    {
        if (reader.Count >= WriteGroup.WorthATransaction)
        {
            return true;
        }

        var taken = Interlocked.Read(ref _taken);
        await Task.Delay(s_heldUpAfter);
        return reader.Count >= WriteGroup.WorthATransaction || Interlocked.Read(ref _taken) == taken;
    }

    private void Take(ChannelReader<JournalWrite> reader, WriteGroup group, ref GroupFill fill)
    {
        while (!fill.IsFull && reader.TryRead(out var write))
        {
            if (MayBeSent(write, group.Number))
            {
                group.Add(write);
                fill.Add(write.Rows, write.Bytes, write.Ids);
            }
        }
    }

    /// <summary>Whether a write goes into a transaction. If not, it has ended, or waits for one that it rests
    /// on.</summary>
    private bool MayBeSent(JournalWrite write, long transaction)
    {
        if (write.Task.IsCompleted || GaveUp(write))
        {
            return false;
        }

        if (write.Ticket is not { } ticket)
        {
            return true;
        }

        switch (ticket.AdmitTo(transaction, out var awaited))
        {
            case WriteAdmission.Taken:
                return true;
            case WriteAdmission.Waits:
                write.Group = 0;
                awaited!.WhenDecided(() => Enqueue(write));
                return false;
            default:
                End(write, new JournalWriteException(
                    $"Row {write.First.SequenceNr} of {write.First.PersistenceId} is not stored: it rests on a row of "
                    + "another account that is not known to be stored, or its own account has given it up."));
                return false;
        }
    }

    /// <summary>Ends a write whose caller no longer waits and which has not been sent. It alone is dropped.</summary>
    private bool GaveUp(JournalWrite write)
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

    private async Task WriteAsync(IJournalAppender appender, WriteGroup group, List<AppendRow> rows, int place)
    {
        if (_database.Loss is { } loss)
        {
            throw new JournalWriteException(loss);
        }

        Exception failure;
        AppendFault fault;
        rows.Clear();
        foreach (var write in group.Writes)
        {
            write.CopyTo(rows);
        }

        var started = _metrics.StartWrite();
        try
        {
            await appender.AppendAsync(rows, isolating: false);
            NoteAcknowledged(rows, place);
            EndAll(group, failure: null);
            _metrics.Wrote(started, rows.Count, stored: true);
            return;
        }
        catch (Exception e)
        {
            failure = e;
            fault = appender.Classify(e);
        }

        _metrics.Wrote(started, rows.Count, stored: false);
        if (!IsOfOneRow(fault))
        {
            ReportLoss(appender, failure);
            _log.Warning(failure, "{0} rows were not confirmed; whether they are stored is unknown.", rows.Count);
            EndAll(group, failure);
            return;
        }

        await IsolateAsync(appender, group, rows, place, failure);
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

    /// <summary>Stores a group of which some row is faulty by halving it, account by account, until the faulty accounts
    /// are alone. Only they fail, and what rests on them.</summary>
    private async Task IsolateAsync(
        IJournalAppender appender, WriteGroup group, List<AppendRow> rows, int place, Exception failure)
    {
        var accounts = ByAccount(group.Writes);
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
                    await AppendPartAsync(
                        appender, accounts.Skip(range.Start).Take(range.Count).SelectMany(static writes => writes),
                        rows, place);
                    continue;
                }
                catch (Exception e) when (IsOfOneRow(appender.Classify(e)))
                {
                    known = e;
                }
            }

            if (range.Count > 1)
            {
                // In the order of the queue: what a row rests on comes before it (G4).
                var half = range.Count / 2;
                pending.Push((range.Start + half, range.Count - half, Failure: null));
                pending.Push((range.Start, half, Failure: null));
                continue;
            }

            failed += await WriteAloneAsync(appender, accounts[range.Start], rows, place, known);
        }

        _log.Warning(
            failure,
            "{0} of {1} writes in a batch failed alone; the others are stored, but for those that rest on them. The "
                + "first reason was: {2}",
            failed,
            group.Writes.Count,
            failure.Message);
    }

    /// <summary>Stores some writes of a group in a transaction of their own, without those that have ended or rest on
    /// what has failed.</summary>
    private async Task AppendPartAsync(
        IJournalAppender appender, IEnumerable<JournalWrite> writes, List<AppendRow> rows, int place)
    {
        var number = WriteGroup.NewNumber();
        var part = new List<JournalWrite>();
        rows.Clear();
        foreach (var write in writes)
        {
            if (MayBeSent(write, number))
            {
                part.Add(write);
                write.CopyTo(rows);
            }
        }

        if (rows.Count == 0)
        {
            return;
        }

        var started = _metrics.StartWrite();
        await appender.AppendAsync(rows, isolating: true);
        NoteAcknowledged(rows, place);
        foreach (var write in part)
        {
            End(write, failure: null);
        }

        _metrics.Wrote(started, rows.Count, stored: true);
    }

    /// <summary>Stores the writes of one account of which some row is faulty, one after the other; after a failed one
    /// the others fail too, since they were decided upon it.</summary>
    private async Task<int> WriteAloneAsync(
        IJournalAppender appender, List<JournalWrite> writes, List<AppendRow> rows, int place, Exception failure)
    {
        var failed = 0;
        Exception? known = writes.Count == 1 ? failure : null;
        foreach (var write in writes)
        {
            if (known is null)
            {
                try
                {
                    await AppendPartAsync(appender, [write], rows, place);
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

    private static List<List<JournalWrite>> ByAccount(List<JournalWrite> batch)
    {
        var accounts = new List<List<JournalWrite>>(batch.Count);
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

    private void EndAll(WriteGroup group, Exception? failure)
    {
        foreach (var write in group.Writes)
        {
            // One that was set aside is somebody else's by now.
            if (write.Group == group.Number)
            {
                End(write, failure);
            }
        }
    }

    private void End(JournalWrite write, Exception? failure)
    {
        // Only its own entry: a later write of the account may have taken the place.
        _inFlight.TryRemove(new KeyValuePair<string, Task>(write.First.PersistenceId, write.Task));
        write.End(failure);
    }
}
