using System.Collections.Concurrent;

namespace Ledger.Audit;

/// <summary>The audit log of a process: a bounded queue, and a thread that writes it to its files.
/// Thread-safe.</summary>
/// <remarks>A record is with the operating system within a moment, and on the disk within a second; what is no refusal
/// is on the disk at once. No call waits for either.</remarks>
internal sealed class AuditLog : IAuditLog, IDisposable
{
    private const int BatchMax = 256;
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_diskEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_tryAgainAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_headEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(5);

    private readonly AuditSettings settings;
    private readonly TimeProvider clock;
    private readonly AuditFile file;
    private readonly AuditSums sums;
    private readonly BlockingCollection<AuditEvent> queue;
    private readonly ManualResetEventSlim ending = new();
    private readonly Thread writer;
    private readonly List<AuditRecord> batch = [];
    private long dropped;
    private long droppedTold;
    private long written;
    private long diskAt;
    private long headAt;
    private AuditHead headTold = AuditHead.None;
    private string? faultTold;
    private volatile string? problem;

    /// <summary>Opens the log, and begins to write.</summary>
    /// <param name="settings">How.</param>
    /// <param name="clock">The time that stands in records.</param>
    /// <exception cref="AuditException">It can't be written, or another process writes it.</exception>
    public AuditLog(AuditSettings settings, TimeProvider clock)
    {
        this.settings = settings;
        this.clock = clock;
        queue = new BlockingCollection<AuditEvent>(settings.QueueMax);
        sums = new AuditSums(clock);
        file = new AuditFile(
            settings.Directory, settings.FileBytesMax, settings.Node, clock, settings.Write, settings.Sync);
        headAt = clock.GetTimestamp();
        writer = new Thread(Run) { IsBackground = true, Name = "audit log" };
        writer.Start();
    }

    /// <inheritdoc/>
    public bool IsWriting => problem is null && queue.Count < settings.QueueMax;

    /// <inheritdoc/>
    public bool IsRequired => settings.IsRequired;

    /// <inheritdoc/>
    public long Written => Volatile.Read(ref written);

    /// <inheritdoc/>
    public long Dropped => Volatile.Read(ref dropped);

    /// <summary>Why records are not written, or what was wrong with the log that was found; null where all is
    /// well.</summary>
    public string? Problem => problem ?? file.Fault;

    /// <inheritdoc/>
    public void Write(AuditEvent entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (!sums.IsFirst(entry))
        {
            return;
        }

        try
        {
            if (!queue.TryAdd(entry))
            {
                Interlocked.Increment(ref dropped);
            }
        }
        catch (InvalidOperationException)
        {
            Interlocked.Increment(ref dropped); // It ends.
        }
    }

    /// <summary>Writes what waits, and ends. Waits for a few seconds where the disk does not take it.</summary>
    public void Dispose()
    {
        if (queue.IsAddingCompleted)
        {
            return;
        }

        queue.CompleteAdding();
        ending.Set();
        writer.Join(s_endPatience);
    }

    private void Run()
    {
        try
        {
            while (!queue.IsCompleted)
            {
                try
                {
                    Step();
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    // Of whoever listens, as a logger: the log itself goes on, and says so in health.
                    problem = $"The audit log in {settings.Directory} met an error of its own: {e.Message}";
                    ending.Wait(s_tryAgainAfter);
                }
            }

            AppendSums(atOnce: true);
            Append(new AuditEvent(AuditKind.Closed));
            TryWrite(toDisk: true, isLast: true);
        }
        finally
        {
            file.Dispose();
        }
    }

    private void Step()
    {
        // Nothing is taken out of the queue while what was taken before is not written: the queue bounds what waits.
        if ((file.Pending > 0 || problem is not null) && !TryWrite(toDisk: true, isLast: false))
        {
            ending.Wait(s_tryAgainAfter);
            if (ending.IsSet)
            {
                // The end does not wait for a disk.
                while (queue.TryTake(out _))
                {
                    Interlocked.Increment(ref dropped);
                }
            }

            return;
        }

        var isUrgent = false;
        if (queue.TryTake(out var entry, s_lookEvery))
        {
            var taken = 0;
            do
            {
                Append(entry);
                isUrgent |= !entry.IsRefusal;
            }
            while (++taken < BatchMax && queue.TryTake(out entry));
        }

        AppendSums(atOnce: false);
        if (Dropped is var lost && lost > droppedTold)
        {
            Append(new AuditEvent(AuditKind.Dropped), lost - droppedTold);
            droppedTold = lost;
        }

        TryWrite(isUrgent || clock.GetElapsedTime(diskAt) >= s_diskEvery, isLast: false);
    }

    private void AppendSums(bool atOnce)
    {
        foreach (var (entry, count, since) in sums.Take(atOnce))
        {
            Append(entry, count, since);
        }
    }

    private void Append(AuditEvent entry, long count = 0, DateTimeOffset? since = null) =>
        batch.Add(file.Append(entry, count, since));

    private bool TryWrite(bool toDisk, bool isLast)
    {
        try
        {
            file.Flush(toDisk);
            if (toDisk)
            {
                file.Look();
                file.KeepHead();
                diskAt = clock.GetTimestamp();
            }

            problem = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (problem is null)
            {
                problem = $"The audit log in {settings.Directory} can't be written: {e.Message}";
                settings.Failed?.Invoke(problem);
            }

            return false;
        }

        Tell(isLast);
        return true;
    }

    private void Tell(bool isLast)
    {
        Interlocked.Add(ref written, batch.Count);
        if (settings.Recorded is { } recorded)
        {
            batch.ForEach(recorded);
        }

        batch.Clear();
        if (file.Fault is { } fault && !string.Equals(fault, faultTold, StringComparison.Ordinal))
        {
            faultTold = fault;
            settings.Failed?.Invoke(fault);
        }

        if (file.Durable != headTold && (isLast || clock.GetElapsedTime(headAt) >= s_headEvery))
        {
            headTold = file.Durable;
            headAt = clock.GetTimestamp();
            settings.HeadMoved?.Invoke(headTold);
        }
    }
}
