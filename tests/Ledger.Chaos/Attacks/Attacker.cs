using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Google.Protobuf;
using Ledger.Tests.Shared;

namespace Ledger.Chaos.Attacks;

/// <summary>Whoever means harm: what all attacks share.</summary>
internal sealed class Attacker : IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, long> counts = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource over;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly double cores;
    private readonly string? key;

    /// <summary>One whose time begins now.</summary>
    /// <param name="grpc">Where gRPC is served.</param>
    /// <param name="json">Where JSON is served.</param>
    /// <param name="length">For how long.</param>
    /// <param name="key">The key that it shows; null for none.</param>
    /// <param name="cores">How much processor time it takes of itself; 0 where somebody else sees to that.</param>
    public Attacker(Uri grpc, Uri json, TimeSpan length, string? key, double cores)
    {
        foreach (var address in new[] { grpc, json })
        {
            if (!address.IsLoopback)
            {
                throw new FormatException($"Attacks go to this machine alone, and not to {address}.");
            }
        }

        (Grpc, Json, this.key, this.cores) = (grpc, json, key, cores);
        over = new CancellationTokenSource(length);
        Http = RawGrpc.Client();
        if (key is not null)
        {
            Http.DefaultRequestHeaders.TryAddWithoutValidation("authorization", "Bearer " + key);
        }
    }

    public Uri Grpc { get; }

    public Uri Json { get; }

    /// <summary>A client of the library, for what is large.</summary>
    public HttpClient Http { get; }

    public CancellationToken Over => over.Token;

    public bool IsOver => over.IsCancellationRequested;

    /// <summary>What became of it, for people.</summary>
    public string Counts => string.Join(
        ", ",
        counts.OrderBy(static pair => pair.Key, StringComparer.Ordinal)
            .Select(static pair => $"{pair.Value} {pair.Key}"));

    private (string, string)[] Shown => key is null ? [] : [("authorization", "Bearer " + key)];

    public void Count(string what) => counts.AddOrUpdate(what, 1, static (_, count) => count + 1);

    /// <summary>Takes no more of the machine than it may.</summary>
    public async ValueTask BreatheAsync()
    {
        while (cores > 0 && Environment.CpuUsage.TotalTime > watch.Elapsed * cores && !IsOver)
        {
            await Task.Delay(s_pause, CancellationToken.None);
        }
    }

    /// <summary>So many callers, each of which calls again once it has its answer.</summary>
    public Task LoopAsync(
        int connections, int callers, string path, Func<IMessage> message,
        params (string Name, string Value)[] headers) =>
        OnConnectionsAsync(connections, uint.MaxValue / 2, async connection =>
        {
            var block = connection.HeadersOf(path, headers.Concat(Shown));
            await Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
            {
                while (!IsOver && !connection.IsGone)
                {
                    await BreatheAsync();
                    var end = await connection.CallAsync(block, RawGrpc.Frame(message().ToByteArray()), Over);
                    Count(end.ToString().ToLowerInvariant());
                }
            }));
        });

    /// <summary>Does something on each of several connections, on a new one where one is gone.</summary>
    public Task OnConnectionsAsync(int connections, uint streamWindow, Func<Http2Connection, Task> work) =>
        RepeatAsync(connections, async () =>
        {
            await using var connection = await Http2Connection.OpenAsync(Grpc, streamWindow, Over);
            await work(connection);
            Count("connections used up");
        });

    /// <summary>The headers of a call.</summary>
    public byte[] HeadersOf(Http2Connection connection, string path, params (string Name, string Value)[] headers) =>
        connection.HeadersOf(path, headers.Concat(Shown));

    /// <summary>Does something again and again, so many at once, whatever becomes of it.</summary>
    public Task RepeatAsync(int atOnce, Func<Task> work) => Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
    {
        while (!IsOver)
        {
            await BreatheAsync();
            try
            {
                await work().WaitAsync(Over);
            }
            catch (OperationCanceledException) when (IsOver)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or IOException or HttpRequestException
                or ObjectDisposedException
                or OperationCanceledException)
            {
                Count("broken off");
                await Task.Delay(s_pause, CancellationToken.None);
            }
        }
    }));

    /// <summary>A whole call by the library, whose reason is counted.</summary>
    public async Task CallAsync(string path, byte[] bytes, params (string Name, string Value)[] headers)
    {
        var ended = await RawGrpc.CallAsync(Http, Grpc, path, bytes, headers).WaitAsync(Over);
        Count(ended.Reason.Length > 0 ? ended.Reason : FormattableString.Invariant($"gRPC status {ended.Code}"));
    }

    /// <summary>Asks once as the loop does, so that it is seen what it gets.</summary>
    public async Task TellAsync(string path, IMessage message)
    {
        try
        {
            var ended = await RawGrpc.CallAsync(Http, Grpc, path, RawGrpc.Frame(message.ToByteArray())).WaitAsync(Over);
            Count(FormattableString.Invariant($"such answered {(ended.Code == 0 ? "OK" : ended.Reason)}"));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            Count("such not answered");
        }
    }

    public void Dispose()
    {
        Http.Dispose();
        over.Dispose();
    }
}
