using System.Collections.Concurrent;
using System.Diagnostics;
using HdrHistogram;
using Ledger.Benchmarks.Workloads;

namespace Ledger.Benchmarks;

/// <summary>What was begun within one second of a load.</summary>
/// <param name="At">Which one, from 0 on.</param>
/// <param name="Calls">How many calls.</param>
/// <param name="P50">The median of their latencies, in milliseconds.</param>
/// <param name="P99">The 99th percentile.</param>
/// <param name="Max">The longest.</param>
internal sealed record Second(int At, long Calls, double P50, double P99, double Max);

/// <summary>What a load has seen. Thread-safe.</summary>
/// <param name="isTimed">Whether latencies are kept, which takes some memory.</param>
internal sealed class Load(bool isTimed = true)
{
    // Microseconds.
    private const long Longest = 120_000_000;

    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly LongConcurrentHistogram? _latency = isTimed ? new(1, Longest, 3) : null;
    private readonly ConcurrentDictionary<int, LongConcurrentHistogram> _seconds = new();
    private long _end;
    private long _acknowledged;
    private long _amount;

    /// <summary>Latencies in microseconds, from the first sending to the answer, repetitions included; with a fixed
    /// rate from the moment at which a call was due.</summary>
    public LongConcurrentHistogram Latency => _latency ?? throw new InvalidOperationException("Nothing was timed.");

    /// <summary>What was answered other than by a recorded transfer, by its reason, and what was repeated.</summary>
    public ConcurrentDictionary<string, int> Errors { get; } = new(StringComparer.Ordinal);

    /// <summary>Calls that were decided.</summary>
    public long Calls => _latency?.TotalCount ?? 0;

    /// <summary>Transfers that were recorded, or reads where nothing else is counted.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>What they have posted in all, in minor units.</summary>
    public long Amount => Interlocked.Read(ref _amount);

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_begin, _end == 0 ? Stopwatch.GetTimestamp() : _end);

    /// <summary>The course of it, for a plot.</summary>
    public IReadOnlyList<Second> Seconds =>
    [
        .. _seconds.OrderBy(static second => second.Key).Select(static second => new Second(
            second.Key, second.Value.TotalCount, Milliseconds(second.Value, 50), Milliseconds(second.Value, 99),
            Milliseconds(second.Value, 100))),
    ];

    /// <summary>A latency in milliseconds.</summary>
    public static double Milliseconds(HistogramBase histogram, double percentile) =>
        histogram.GetValueAtPercentile(percentile) / 1000.0;

    /// <summary>A call was decided.</summary>
    /// <param name="start">When it was due, or begun.</param>
    public void Took(long start)
    {
        if (_latency is null)
        {
            return;
        }

        var micros = Math.Clamp((long)Stopwatch.GetElapsedTime(start).TotalMicroseconds, 1, Longest);
        _latency.RecordValue(micros);
        _seconds.GetOrAdd(
            (int)Stopwatch.GetElapsedTime(_begin, start).TotalSeconds, static _ =>
                new LongConcurrentHistogram(1, Longest, 2))
            .RecordValue(micros);
    }

    /// <summary>Transfers were recorded.</summary>
    public void Recorded(int count, long amount = 0)
    {
        Interlocked.Add(ref _acknowledged, count);
        Interlocked.Add(ref _amount, amount);
    }

    public void Failed(string reason, int count = 1) =>
        Errors.AddOrUpdate(reason, static (_, added) => added, static (_, n, added) => n + added, count);

    public void Stop() => _end = Stopwatch.GetTimestamp();

    /// <summary>Callers that each send the next when the last is answered.</summary>
    /// <typeparam name="T">A call.</typeparam>
    /// <param name="next">Makes up a call, which is not timed.</param>
    /// <param name="send">Makes one call and tells the load what it has recorded.</param>
    /// <param name="inFlight">How many callers.</param>
    /// <param name="length">For how long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Load> ClosedAsync<T>(
        Func<T> next, Func<T, Load, Task> send, int inFlight, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(CallerAsync, cancellationToken)));
        load.Stop();
        return load;

        async Task CallerAsync()
        {
            while (load.Elapsed < length)
            {
                var call = next();
                var start = Stopwatch.GetTimestamp();
                await send(call, load);
                load.Took(start);
            }
        }
    }

    /// <summary>Calls at a fixed rate, whether or not the earlier ones are answered; each is timed from when it was
    /// due, so that one that has to wait because the driver or the ledger is late counts with its wait.</summary>
    /// <param name="next">Makes up a call.</param>
    /// <param name="send">Makes one call and tells the load what it has recorded.</param>
    /// <param name="rate">Calls per second.</param>
    /// <param name="length">For how long.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Load> OpenAsync(
        Func<Call> next, Func<Call, Load, Task> send, double rate, TimeSpan length, CancellationToken cancellationToken)
    {
        var load = new Load();
        var calls = new List<Task>();
        var count = (long)(rate * length.TotalSeconds);
        for (long i = 0; i < count;)
        {
            var due = (long)(load.Elapsed.TotalSeconds * rate);
            for (; i <= due && i < count; i++)
            {
                calls.Add(CallAsync(load._begin + (long)(i / rate * Stopwatch.Frequency)));
            }

            // Answers that are in need no waiting for; and one that failed ends the load now.
            if (calls.Count > 10_000)
            {
                foreach (var ended in calls.Where(static call => call.IsCompleted))
                {
                    await ended;
                }

                calls.RemoveAll(static call => call.IsCompleted);
            }

            // The clock of timers is a millisecond at best: what has become due meanwhile is sent together.
            await Task.Delay(1, cancellationToken);
        }

        await Task.WhenAll(calls);
        load.Stop();
        return load;

        async Task CallAsync(long due)
        {
            await Task.Yield();
            await send(next(), load);
            load.Took(due);
        }
    }
}
