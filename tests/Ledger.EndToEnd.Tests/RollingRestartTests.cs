using System.Collections.Concurrent;
using System.Diagnostics;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: the start and the stop of a node cost no client a failed call. Method: three nodes as processes on
/// one PostgreSQL, a client as everybody has it, with the addresses of all three and default options, and every node
/// restarted in turn under load.</summary>
[Collection(AloneCollection.Name)]
public sealed class RollingRestartTests(ITestOutputHelper output)
{
    private const int Nodes = 3;
    private const int Accounts = 60;
    private const int Workers = 16;
    private const int Witnesses = 4;
    private static readonly TimeSpan PauseBetweenCalls = TimeSpan.FromMilliseconds(30);

    [Fact]
    public async Task A_rolling_restart_of_all_nodes_fails_no_call_and_breaks_no_stream_that_calls_share()
    {
        await using var nodes = await NodeCluster.StartAsync(Nodes);
        using var client = nodes.Connect();

        // What a stream loses, other clients send again, and nobody sees it. These send nothing again.
        using var opened = new StreamCounter();
        using var witness = nodes.Connect(o => o with { MaxAttempts = 1, UseSharedStreams = true,
            HttpHandler = opened });
        var books = new TransferLoad("rolling", Accounts);
        await books.OpenAsync(client);

        using var stop = new CancellationTokenSource();
        var calls = new ConcurrentBag<(TimeSpan At, TimeSpan Took)>();
        var failures = new ConcurrentQueue<string>();
        var broken = new ConcurrentQueue<string>();
        var witnessed = 0;
        var started = Stopwatch.GetTimestamp();
        var load = Task.WhenAll(
            [.. Enumerable.Range(0, Workers).Select(WorkAsync),
                .. Enumerable.Range(Workers, Witnesses).Select(WitnessAsync)]);
        await Until.TrueAsync("500 answers", () => calls.Count >= 500);
        for (var i = 0; i < Nodes; i++)
        {
            var took = await nodes[i].StopAsync();
            output.WriteLine(
                $"{Stopwatch.GetElapsedTime(started).TotalSeconds,6:F1} s: node {i} stopped in {took.TotalSeconds:F1} "
                    + "s");
            await nodes.BeginAgainAsync(i);
            await nodes.ServingAsync(i);
            output.WriteLine($"{Stopwatch.GetElapsedTime(started).TotalSeconds,6:F1} s: node {i} serves again");
            var seen = calls.Count;
            await Until.TrueAsync("more answers", () => calls.Count >= seen + 500);
        }

        await stop.CancelAsync();
        await load;
        Report([.. calls]);
        for (var i = 0; i < Nodes; i++)
        {
            await nodes[i].StopAsync();
        }

        // How long the calls took is reported; what that is on a busy machine says nothing.
        failures.ShouldBeEmpty(
            string.Join("\n\n", Enumerable.Range(0, Nodes).Select(i => $"node {i}:\n{nodes[i].Output}")));

        broken.ShouldBeEmpty();
        output.WriteLine($"{witnessed} calls were witnessed, {opened.Count} streams opened");
        witnessed.ShouldBeGreaterThan(1000);
        opened.Count.ShouldBeGreaterThanOrEqualTo(
            2 * Nodes, "each node's stream is opened, and again after its restart");

        async Task WitnessAsync(int worker)
        {
            var random = new Random(worker);
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await witness.PostTransferAsync(books.Next(random));
                    Interlocked.Increment(ref witnessed);
                }
                catch (LedgerClientException e)
                {
                    // An account on its way may refuse; a stream may not.
                    if (e.Message.Contains("stream that the call shared", StringComparison.Ordinal))
                    {
                        broken.Enqueue($"{Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s: {e.Message}");
                    }
                }

                await Task.Delay(PauseBetweenCalls);
            }
        }

        async Task WorkAsync(int worker)
        {
            var random = new Random(worker);
            while (!stop.IsCancellationRequested)
            {
                var begun = Stopwatch.GetTimestamp();
                try
                {
                    if (random.Next(4) == 0)
                    {
                        // An account that moves may have something in doubt for longer than a read waits: then it says
                        // so.
                        (await client.GetAccountAsync(books.Pick(random), new RequestOptions { AllowInDoubt = true }))
                            .ShouldNotBeNull();
                    }
                    else
                    {
                        var outcome = await client.PostTransferAsync(books.Next(random));
                        outcome.Status.ShouldBeOneOf(TransferStatus.Created, TransferStatus.Exists);
                    }

                    calls.Add((Stopwatch.GetElapsedTime(started, begun), Stopwatch.GetElapsedTime(begun)));
                }
                catch (Exception e)
                {
                    failures.Enqueue(
                        $"{Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s, after"
                        + $" {Stopwatch.GetElapsedTime(begun).TotalSeconds:F1} s: {e.GetType().Name}: {e.Message}");
                }

                await Task.Delay(PauseBetweenCalls);
            }
        }
    }

    private void Report((TimeSpan At, TimeSpan Took)[] calls)
    {
        var sorted = calls.Select(static call => call.Took.TotalMilliseconds).Order().ToArray();
        output.WriteLine(
            $"{calls.Length} calls: p50 {sorted[sorted.Length / 2]:F0} ms, p99 "
            + $"{sorted[(int)(sorted.Length * 0.99)]:F0} ms, p99.9 {sorted[(int)(sorted.Length * 0.999)]:F0} ms, "
            + $"longest {sorted[^1]:F0} ms");
        foreach (var call in calls.Where(static call => call.Took.TotalMilliseconds > 500)
            .OrderBy(static call => call.At).Take(60))
        {
            output.WriteLine($"{call.At.TotalSeconds,6:F1} s: took {call.Took.TotalMilliseconds:F0} ms");
        }
    }

    private sealed class StreamCounter()
        : DelegatingHandler(new SocketsHttpHandler { EnableMultipleHttp2Connections = true })
    {
        private int count;

        public int Count => Volatile.Read(ref count);

        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath.EndsWith("/StreamCalls", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref count);
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}
