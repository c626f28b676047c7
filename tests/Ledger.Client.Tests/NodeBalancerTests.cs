using System.Net;

namespace Ledger.Client.Tests;

/// <summary>Requests go to nodes that answer, and to nobody who is known not to.</summary>
public sealed class NodeBalancerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Nodes nodes = new();
    private readonly NodeBalancer balancer;
    private readonly HttpMessageInvoker invoker;

    public NodeBalancerTests()
    {
        balancer = new NodeBalancer(
            nodes,
            ownsInner: true,
            [new Uri("http://a:1"), new Uri("http://b:2"), new Uri("http://c:3")],
            static _ => TimeSpan.FromMilliseconds(2),
            TimeProvider.System);
        invoker = new HttpMessageInvoker(balancer);
    }

    public void Dispose() => invoker.Dispose();

    [Fact]
    public async Task Nodes_that_answer_are_asked_in_turn()
    {
        await AllReadyAsync();
        var before = nodes.Served.ToArray();
        for (var call = 0; call < 30; call++)
        {
            await SendAsync();
        }

        nodes.Served.Zip(before, static (now, then) => now - then).ShouldBe([10, 10, 10]);
    }

    [Fact]
    public async Task A_request_that_was_never_sent_goes_to_the_next_node_at_once_and_the_dead_one_is_passed_over()
    {
        await AllReadyAsync();
        nodes[1] = Refused;

        // The first one meets it, and none of them fails.
        for (var call = 0; call < 30; call++)
        {
            await SendAsync();
        }

        nodes.Refused[1].ShouldBe(1);

        nodes[1] = null;
        await AllReadyAsync();
    }

    [Fact]
    public async Task A_connection_that_breaks_fails_its_request_and_the_node_is_asked_before_the_next_one()
    {
        await AllReadyAsync();
        var lives = new TaskCompletionSource();
        nodes.Probes = (_, _) => lives.Task;
        nodes[2] = static () => new HttpRequestException(HttpRequestError.ResponseEnded);
        var failures = 0;
        for (var call = 0; call < 30; call++)
        {
            try
            {
                await SendAsync();
            }
            catch (HttpRequestException)
            {
                failures++;
            }
        }

        failures.ShouldBe(1);
        nodes[2] = null;
        lives.SetResult();
        await AllReadyAsync();
    }

    [Fact]
    public async Task A_node_that_says_nothing_delays_no_request_to_the_others()
    {
        nodes.Probes = static (host, cancellation) => host == "a" ? Task.Delay(-1, cancellation) : Task.CompletedTask;
        for (var call = 0; call < 30; call++)
        {
            await SendAsync().WaitAsync(Patience);
        }

        nodes.Served[0].ShouldBe(0);
    }

    [Fact]
    public async Task Where_nobody_answers_each_request_tries_all_and_says_why()
    {
        nodes[0] = nodes[1] = nodes[2] = Refused;
        nodes.Probes = static (_, _) => Task.FromException(Refused());
        await Should.ThrowAsync<HttpRequestException>(SendAsync);
        await UntilAsync(() => nodes.Probed.All(static count => count > 2));
        var before = nodes.Refused.ToArray();
        await Should.ThrowAsync<HttpRequestException>(SendAsync);
        nodes.Refused.Zip(before, static (now, then) => now - then).ShouldBe([1, 1, 1]);

        // The first that lives again is found by the request itself, also while its own question still waits.
        nodes.Probes = static (_, cancellation) => Task.Delay(-1, cancellation);
        nodes[0] = null;
        await SendAsync().WaitAsync(Patience);
    }

    [Fact]
    public async Task Whoever_gives_up_while_nothing_is_known_has_sent_nothing()
    {
        nodes.Probes = static (_, cancellation) => Task.Delay(-1, cancellation);
        using var patience = new CancellationTokenSource(50);
        await Should.ThrowAsync<OperationCanceledException>(() => SendAsync(patience.Token));
        nodes.Served.Sum().ShouldBe(0);
    }

    [Fact]
    public async Task Asking_is_no_part_of_the_call_that_waits_for_it()
    {
        var trace = DeliveryTracker.Begin(counts: true);
        DeliveryTracker? seen = trace;
        nodes.Probes = (_, _) =>
        {
            seen = DeliveryTracker.Current;
            return Task.CompletedTask;
        };
        await SendAsync();
        seen.ShouldBeNull();
    }

    [Fact]
    public async Task Nothing_is_asked_after_the_end()
    {
        nodes.Probes = static (_, _) => Task.FromException(Refused());
        nodes[0] = nodes[1] = nodes[2] = Refused;
        await Should.ThrowAsync<HttpRequestException>(SendAsync);
        await UntilAsync(() => nodes.Probed.All(static count => count > 0));

        balancer.Dispose();
        await UntilAsync(async () =>
        {
            var before = nodes.Probed.Sum();
            await Task.Delay(100);
            return nodes.Probed.Sum() == before;
        });
    }

    [Fact]
    public async Task No_failure_leaves_a_node_behind_for_ever()
    {
        // Whatever came in whatever order: once all live, all serve.
        var seed = Environment.TickCount;
        var random = new Random(seed);
        nodes.Probes = (host, _) => nodes.Of(host) is { } failure ? Task.FromException(failure()) : Task.CompletedTask;
        for (var round = 0; round < 200; round++)
        {
            nodes[random.Next(3)] = random.Next(3) switch
            {
                0 => Refused,
                1 => static () => new HttpRequestException(HttpRequestError.ResponseEnded),
                _ => null,
            };
            await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                try
                {
                    await Task.Yield();
                    await SendAsync();
                }
                catch (HttpRequestException)
                {
                    // As the nodes are.
                }
            })).WaitAsync(Patience);
        }

        nodes[0] = nodes[1] = nodes[2] = null;
        await AllReadyAsync($"seed {seed}");
    }

    private static HttpRequestException Refused() => new(HttpRequestError.ConnectionError);

    private async Task AllReadyAsync(string? what = null)
    {
        var before = nodes.Served.ToArray();
        await UntilAsync(
            async () =>
            {
                await SendAsync();
                return nodes.Served.Zip(before, static (now, then) => now - then).All(static count => count > 0);
            },
            what);
    }

    private Task SendAsync() => SendAsync(CancellationToken.None);

    private async Task SendAsync(CancellationToken cancellation)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post, "http://a:1/ledger.v1.TransferService/PostTransfer");
        using var response = await invoker.SendAsync(request, cancellation);
    }

    private static Task UntilAsync(Func<bool> condition, string? what = null) =>
        UntilAsync(() => Task.FromResult(condition()), what);

    private static async Task UntilAsync(Func<Task<bool>> condition, string? what = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            patience.IsCancellationRequested.ShouldBeFalse(what);
            await Task.Delay(1, CancellationToken.None);
        }
    }

    /// <summary>Three nodes, each of which serves or fails; probes are answered apart.</summary>
    private sealed class Nodes : HttpMessageHandler
    {
        private readonly Func<HttpRequestException>?[] failures = new Func<HttpRequestException>?[3];

        public int[] Served { get; } = new int[3];

        public int[] Refused { get; } = new int[3];

        public int[] Probed { get; } = new int[3];

        public Func<string, CancellationToken, Task> Probes { get; set; } = static (_, _) => Task.CompletedTask;

        public Func<HttpRequestException>? this[int node]
        {
            set => Volatile.Write(ref failures[node], value);
        }

        public Func<HttpRequestException>? Of(string host) => Volatile.Read(ref failures[host[0] - 'a']);

        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var uri = request.RequestUri.ShouldNotBeNull();
            var node = uri.Port - 1;
            if (uri.AbsolutePath == "/grpc.health.v1.Health/Check")
            {
                Interlocked.Increment(ref Probed[node]);
                await Probes(uri.Host, cancellationToken);
            }
            else if (Of(uri.Host) is { } failure)
            {
                Interlocked.Increment(ref Refused[node]);
                throw failure();
            }
            else
            {
                Interlocked.Increment(ref Served[node]);
            }

            return new HttpResponseMessage(HttpStatusCode.OK);
        }
    }
}
