using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Ledger.Chaos.Checking;

namespace Ledger.Chaos.Workload;

/// <summary>One call in short, for the report.</summary>
/// <param name="Invoke">When it began.</param>
/// <param name="Complete">When it ended.</param>
/// <param name="Kind">What it was.</param>
/// <param name="Outcome">What was learned.</param>
/// <param name="Failed">Whether an error was all that came of it.</param>
/// <param name="OnTheWay">Whether that error was a connection that ended or could not be made, and not a node's word or
/// a deadline.</param>
/// <param name="Node">The node that its client keeps to; -1 when it balances.</param>
/// <param name="Shards">Those of all accounts that it touches; empty when it does not name them all.</param>
/// <param name="IsProbe">Whether a prober made it.</param>
internal readonly record struct CallPoint(
    long Invoke, long Complete, CallKind Kind, CallOutcome Outcome, bool Failed, bool OnTheWay, int Node, int[] Shards,
    bool IsProbe);

/// <summary>The one clock, and the history file: appended to by one task, and handed to the system whenever there is
/// nothing more to write.</summary>
internal sealed class Recorder : IAsyncDisposable
{
    private static readonly byte[] NewLine = "\n"u8.ToArray();

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly FileStream _file;
    private readonly Channel<HistoryRecord> _queue = Channel.CreateUnbounded<HistoryRecord>(
        new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _writing;
    private readonly Lock _gate = new();
    private readonly List<CallPoint> _points = [];
    private readonly Dictionary<string, int> _errors = new(StringComparer.Ordinal);
    private long _op;
    private long _process;

    public Recorder(string path)
    {
        Path = path;
        StartTime = TimeProvider.System.GetUtcNow();
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 64 * 1024);
        _writing = Task.Run(WriteAllAsync);
    }

    public string Path { get; }

    /// <summary>The system's time when the clock was at 0.</summary>
    public DateTimeOffset StartTime { get; }

    /// <summary>Nanoseconds since the start.</summary>
    public long Now => Stopwatch.GetElapsedTime(_start).Ticks * 100;

    public long NextOp() => Interlocked.Increment(ref _op);

    /// <summary>A new client, by number.</summary>
    public long NextProcess() => Interlocked.Increment(ref _process);

    /// <summary>How often each kind of failure was met.</summary>
    public Dictionary<string, int> Errors()
    {
        lock (_gate)
        {
            return new Dictionary<string, int>(_errors, StringComparer.Ordinal);
        }
    }

    /// <summary>All calls so far.</summary>
    public CallPoint[] Points()
    {
        lock (_gate)
        {
            return [.. _points];
        }
    }

    public void Write(HistoryRecord record) => _queue.Writer.TryWrite(record);

    public void Write(CallRecord record, int[] shards, bool isProbe)
    {
        Write(record);
        lock (_gate)
        {
            _points.Add(new CallPoint(
                record.Invoke, record.Complete, record.Kind, record.Outcome, record.Error is not null,
                record.Error is { Code: "UNAVAILABLE", Reason.Length: 0 }, record.Node, shards, isProbe));
            if (record.Error is { } error)
            {
                var key = error.Reason.Length > 0 ? $"{error.Code} {error.Reason}" : $"{error.Code} -";
                _errors[key] = _errors.GetValueOrDefault(key) + 1;
            }
        }
    }

    /// <summary>Writes what is left and closes the file. Nothing is recorded after this.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writing;
        await _file.DisposeAsync();
    }

    private async Task WriteAllAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (_queue.Reader.TryRead(out var record))
            {
                await JsonSerializer.SerializeAsync(_file, record, HistoryJson.Default.HistoryRecord);
                await _file.WriteAsync(NewLine);
            }

            await _file.FlushAsync();
        }

        _file.Flush(flushToDisk: true);
    }
}
