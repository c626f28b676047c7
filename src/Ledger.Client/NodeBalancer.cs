using System.Net.Http.Headers;

namespace Ledger.Client;

/// <summary>Sends each request to one of the nodes, in turn, and passes over those that can't be reached.</summary>
/// <remarks>
/// <para>A node among several is asked once whether it is there before the first request goes to it. When a connection
/// to it can't be made, or breaks, it gets no request until it has answered again; a request that was never sent goes
/// to the next node at once. So a dead node costs those calls that were on their way to it, and no others. Where no
/// node answers, each request tries all of them, so that its failure is that of now.</para>
/// <para>The balancer of Grpc.Net.Client (2.85) does the same by the state of sockets. Where a connection breaks while
/// it is being made, as when a node dies or starts, that state can stay behind for ever: an address that nobody
/// connects to, or one that counts as connected while it refuses every call. It looks for a socket handler through all
/// delegating handlers, so this is none. Thread-safe.</para>
/// </remarks>
internal sealed class NodeBalancer : HttpMessageHandler
{
    // A node whose machine is gone answers nothing at all; so long, a new connection may take.
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);

    private readonly HttpMessageInvoker inner;
    private readonly Node[] nodes;
    private readonly Func<int, TimeSpan> pause;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ended = new();
    private volatile Node[] ready = [];
    private TaskCompletionSource changed = NewSignal();
    private bool begun;
    private int turn;

    /// <summary>Makes a balancer. It connects to nothing before the first request.</summary>
    /// <param name="inner">Sends a request to the address that it names.</param>
    /// <param name="ownsInner">Whether the inner handler ends with this one.</param>
    /// <param name="addresses">The nodes.</param>
    /// <param name="pause">How long to wait before a lost node is asked for the n-th time, from 0.</param>
    /// <param name="time">The clock of the pauses.</param>
    public NodeBalancer(
        HttpMessageHandler inner,
        bool ownsInner,
        IEnumerable<Uri> addresses,
        Func<int, TimeSpan> pause,
        TimeProvider time)
    {
        this.inner = new HttpMessageInvoker(inner, ownsInner);
        (this.pause, this.time) = (pause, time);
        nodes = [.. addresses.Select(static address => new Node(address))];

        // So that clients that begin together don't all begin with the same node.
        turn = new Random().Next(nodes.Length);
    }

    private enum Reach
    {
        /// <summary>Nobody knows yet: it is being asked.</summary>
        Unknown,

        /// <summary>It answers, by all that is known.</summary>
        Ready,

        /// <summary>It did not answer; it is asked again after a pause.</summary>
        Lost,
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (nodes.Length == 1)
        {
            return await inner.SendAsync(request, cancellationToken);
        }

        for (var tries = 1; ; tries++)
        {
            var node = await PickAsync(cancellationToken);
            request.RequestUri = new Uri(node.Address, request.RequestUri!.PathAndQuery);
            try
            {
                var response = await inner.SendAsync(request, cancellationToken);
                Answered(node);
                return response;
            }
            catch (HttpRequestException failure) when (DeliveryHandler.WasNeverSent(failure))
            {
                Found(node, Reach.Lost);
                if (tries >= nodes.Length)
                {
                    throw;
                }
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException)
            {
                // A node that restarts resets its connections, and so does one that dies. Which it is, it is asked.
                Found(node, Reach.Unknown);
                throw;
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            ended.Cancel();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async ValueTask<Node> PickAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var candidates = ready;
            if (candidates.Length > 0)
            {
                return Next(candidates);
            }

            Task change;
            lock (gate)
            {
                if (!begun)
                {
                    begun = true;
                    Array.ForEach(nodes, Ask);
                }

                if (ready.Length == 0 && Array.TrueForAll(nodes, static node => node.Reach == Reach.Lost))
                {
                    return Next(nodes);
                }

                change = ready.Length > 0 ? Task.CompletedTask : changed.Task;
            }

            await change.WaitAsync(cancellationToken);
        }
    }

    private Node Next(Node[] candidates) =>
        candidates[(int)((uint)Interlocked.Increment(ref turn) % (uint)candidates.Length)];

    private void Answered(Node node)
    {
        // Nearly always so: no request writes what others read.
        if (node.Reach != Reach.Ready)
        {
            lock (gate)
            {
                node.Reach = Reach.Ready;
                Publish();
            }
        }
    }

    private void Found(Node node, Reach reach)
    {
        lock (gate)
        {
            // What others have found before stands; only an answer takes it back.
            if (node.Reach == Reach.Ready)
            {
                node.Reach = reach;
                Publish();
                Ask(node);
            }
        }
    }

    private void Publish()
    {
        ready = [.. nodes.Where(static node => node.Reach == Reach.Ready)];
        var signal = changed;
        changed = NewSignal();
        signal.SetResult();
    }

    // Under the lock.
    private void Ask(Node node)
    {
        if (!node.IsAsked && !ended.IsCancellationRequested)
        {
            node.IsAsked = true;

            // Not a part of the call that happens to need it.
            using (ExecutionContext.SuppressFlow())
            {
                _ = Task.Run(() => AskAsync(node));
            }
        }
    }

    // One at a time for each node, until it answers.
    private async Task AskAsync(Node node)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (node.Reach == Reach.Lost)
            {
                await Task.Delay(pause(attempt), time, ended.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            var answers = node.Reach == Reach.Ready || await AnswersAsync(node);
            lock (gate)
            {
                if (node.Reach != Reach.Ready)
                {
                    node.Reach = answers ? Reach.Ready : Reach.Lost;
                    Publish();
                }

                if (answers || ended.IsCancellationRequested)
                {
                    node.IsAsked = false;
                    return;
                }
            }
        }
    }

    // Any answer is one, also that there is no such service: it is the connection that is in question.
    private async Task<bool> AnswersAsync(Node node)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
        bound.CancelAfter(ProbeTimeout);
        using var request = HealthCheck(node.Address);
        try
        {
            using var response = await inner.SendAsync(request, bound.Token);
            return true;
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException
            or ObjectDisposedException)
        {
            return false;
        }
    }

    // grpc.health.v1 as every gRPC server knows it: an empty message behind the five bytes of its frame.
    private static HttpRequestMessage HealthCheck(Uri address)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, "/grpc.health.v1.Health/Check"))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[5]),
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return request;
    }

    private sealed class Node(Uri address)
    {
        private volatile Reach reach;

        public Uri Address { get; } = address;

        /// <summary>Written under the lock.</summary>
        public Reach Reach
        {
            get => reach;
            set => reach = value;
        }

        /// <summary>Whether somebody is asking it; under the lock.</summary>
        public bool IsAsked { get; set; }
    }
}
