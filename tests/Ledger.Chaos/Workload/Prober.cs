using Ledger.Chaos.Checking;

namespace Ledger.Chaos.Workload;

/// <summary>Writes to every shard, all the time and at a small rate: a transfer between two accounts of that shard, and
/// so one that depends on nothing but the node that has it. What it finds is when each shard could be
/// written.</summary>
internal sealed class Prober(Recorder recorder, Books books, Load load, TimeSpan pause, ulong seed)
    : IAsyncDisposable
{
    private readonly long[] _lastSuccess = new long[books.Shards];
    private readonly long[] _lastInvoke = new long[books.Shards];
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _running = [];
    private bool _stopped;

    /// <summary>By shard: when the last successful write to it was begun; 0 for never.</summary>
    public IReadOnlyList<long> LastSuccess => _lastSuccess;

    public void Start()
    {
        for (var shard = 0; shard < books.Shards; shard++)
        {
            var own = shard;
            _running.Add(Task.Run(() => RunAsync(own)));
        }
    }

    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            await _stopping.CancelAsync();
            await Task.WhenAll(_running);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    /// <summary>Waits until every shard has been written by an attempt that began after a moment.</summary>
    /// <returns>When the last of them was; null when the time was up before.</returns>
    public async Task<long?> AllWritableSinceAsync(long moment, TimeSpan patience, CancellationToken cancellationToken)
    {
        var until = recorder.Now + (long)patience.TotalNanoseconds;
        while (recorder.Now < until)
        {
            var all = true;
            for (var shard = 0; shard < books.Shards && all; shard++)
            {
                all = Interlocked.Read(ref _lastInvoke[shard]) >= moment;
            }

            if (all)
            {
                return _lastSuccess.Max();
            }

            await Task.Delay(20, cancellationToken);
        }

        return null;
    }

    /// <summary>The shards that have not been written by an attempt that began after a moment.</summary>
    public List<int> SilentSince(long moment) =>
        [.. Enumerable.Range(0, books.Shards).Where(shard => Interlocked.Read(ref _lastInvoke[shard]) < moment)];

    private async Task RunAsync(int shard)
    {
        var random = new Random(unchecked((int)(seed * 17) + shard));
        var (one, other) = books.Probes[shard];
        var client = load.NewClient(-1);
        var process = recorder.NextProcess();
        while (!_stopping.IsCancellationRequested)
        {
            await Task.Delay(pause * (0.5 + random.NextDouble()), _stopping.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            var request = new CallRequest
            {
                Transfer = new TransferContent
                {
                    Id = load.NewId(),
                    Type = TransferType.Direct,
                    Debit = one,
                    Credit = other,
                    Amount = 1,
                    Asset = Books.Main,
                    Code = 1,
                },
            };
            (one, other) = (other, one);
            var record = await load.Calls.DoAsync(client, -1, process, CallKind.Transfer, request, isProbe: true);
            process = load.Next(record, process);
            if (record.Outcome == CallOutcome.Ok)
            {
                Interlocked.Exchange(ref _lastSuccess[shard], record.Complete);
                Interlocked.Exchange(ref _lastInvoke[shard], record.Invoke);
            }
        }
    }
}
