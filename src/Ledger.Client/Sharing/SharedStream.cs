using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Ledger.Client.Sharing;

/// <summary>One stream that calls share, on a connection of its own.</summary>
/// <remarks>
/// <para>A lone item is written at once by whoever brings it. Where others are under way, the pool writes, behind the
/// callers that are about to bring more: what has come by then leaves together. There is no timer. The reading does
/// nothing but complete, so that nothing on this side stops the server from being heard.</para>
/// <para>Thread-safe. A stream is open, then draining, when it takes no more items and waits for its answers, then
/// closed.</para>
/// </remarks>
internal sealed class SharedStream
{
    private readonly Lock gate = new();
    private readonly GrpcChannel channel;
    private readonly AsyncDuplexStreamingCall<V1.StreamCallsRequest, V1.StreamCallsResponse> call;
    private readonly CancellationTokenSource ended;
    private readonly CancellationToken stop;
    private readonly V1.StreamHello hello;
    private readonly TimeProvider time;
    private readonly TimeSpan life;
    private readonly long opened;
    private readonly ITimer timer;

    private readonly Queue<StreamItem> waiting = new();
    private readonly Dictionary<ulong, StreamItem> sent = [];
    private readonly List<ulong> cancelled = [];
    private State state;
    private bool isWriting;
    private bool isBeatDue;
    private bool hasBeaten;
    private ulong lastId;
    private ulong messagesWritten;
    private ulong? messagesRead;
    private int sentBytes;
    private long lastPosted;
    private long lastWritten;
    private long lastHeard;
    private long drainingSince;
    private volatile int load;
    private volatile bool isOpen = true;
    private volatile bool isOld;

    private SharedStream(
        GrpcChannel channel,
        AsyncDuplexStreamingCall<V1.StreamCallsRequest, V1.StreamCallsResponse> call,
        CancellationTokenSource ended,
        V1.StreamHello hello,
        TimeProvider time,
        double jitter,
        CancellationToken stop)
    {
        (this.channel, this.call, this.ended, this.hello) = (channel, call, ended, hello);
        (this.time, this.stop) = (time, stop);
        life = SharingTimes.Life * (1 + (SharingTimes.LifeJitter * ((2 * jitter) - 1)));
        if (hello.ExpireAfter is { } expiry
            && expiry.ToTimeSpan() * SharingTimes.CredentialsShare is var share && share < life)
        {
            life = share;
        }

        opened = lastPosted = lastWritten = lastHeard = time.GetTimestamp();
        timer = time.CreateTimer(
            static self => ((SharedStream)self!).Look(), this, SharingTimes.LookEvery, SharingTimes.LookEvery);
    }

    private enum State
    {
        Open,
        Draining,
        Closed,
    }

    /// <summary>Whether it takes items.</summary>
    public bool IsOpen => isOpen;

    /// <summary>Whether it has had its time: another one is to be opened, and then this one drained.</summary>
    public bool IsOld => isOld;

    /// <summary>How many items it has, unsent or unanswered.</summary>
    public int Load => load;

    /// <summary>How many bytes one item may have.</summary>
    public int ItemBytesMax => (int)hello.ItemBytesMax;

    /// <summary>Opens a stream: connects, and waits for the server's hello, before which nothing is sent.</summary>
    /// <param name="channel">The connection, which ends with the stream.</param>
    /// <param name="token">What the caller shows; empty for none.</param>
    /// <param name="time">The clock of the stream's life.</param>
    /// <param name="jitter">From 0 to 1: how long it lives, compared with others.</param>
    /// <param name="stop">Ends the stream.</param>
    /// <exception cref="RpcException">There is no such stream, or nobody is there.</exception>
    /// <exception cref="TimeoutException">Nobody says hello in time.</exception>
    public static async Task<SharedStream> OpenAsync(
        GrpcChannel channel, string token, TimeProvider time, double jitter, CancellationToken stop)
    {
        var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var headers = token.Length == 0 ? null : new Metadata { { TokenHandler.Header, TokenHandler.Show(token) } };
        var call = new V1.StreamService.StreamServiceClient(channel).StreamCalls(
            new CallOptions(headers, cancellationToken: ended.Token));
        using var patience = new CancellationTokenSource(SharingTimes.HelloWithin, time);
        try
        {
            if (!await call.ResponseStream.MoveNext(patience.Token)
                || call.ResponseStream.Current.Hello is not { } hello)
            {
                throw new RpcException(new Status(StatusCode.Unimplemented, "The stream does not begin with a hello."));
            }

            if (!IsUsable(hello))
            {
                throw new RpcException(new Status(StatusCode.Unimplemented, "The hello of the stream allows nothing."));
            }

            if (hello.Draining)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The node is about to stop."));
            }

            var stream = new SharedStream(channel, call, ended, hello, time, jitter, stop);
            _ = stream.ReadAsync();
            return stream;
        }
        catch (Exception failure)
        {
            await ended.CancelAsync();
            call.Dispose();
            ended.Dispose();
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException("No hello came on the stream.", failure);
            }

            throw;
        }
    }

    /// <summary>Takes an item, to send it as soon as it can be.</summary>
    /// <returns>False where it takes no more: the item goes elsewhere.</returns>
    public bool TryPost(StreamItem item)
    {
        lock (gate)
        {
            if (state != State.Open)
            {
                return false;
            }

            lastPosted = time.GetTimestamp();
            waiting.Enqueue(item);
            CountLoad();
            if (load > 1)
            {
                WriteElsewhere();
                return true;
            }

            if (!TryBeginWriting())
            {
                return true;
            }
        }

        // Not a part of the call that happens to bring it.
        if (ExecutionContext.IsFlowSuppressed())
        {
            _ = WriteAsync();
        }
        else
        {
            using (ExecutionContext.SuppressFlow())
            {
                _ = WriteAsync();
            }
        }

        return true;
    }

    /// <summary>The caller of an item has no more time.</summary>
    public void Expire(StreamItem item)
    {
        lock (gate)
        {
            item.FailExpired();
        }
    }

    /// <summary>The caller of an item waits no more.</summary>
    public void Cancel(StreamItem item, CancellationToken token)
    {
        lock (gate)
        {
            if (item.TrySetCanceled(token) && item is { IsRead: true, SentWith: > 0 } && state != State.Closed)
            {
                cancelled.Add(item.Message.Id);
                WriteElsewhere();
            }
        }
    }

    /// <summary>Takes no more items, and ends when what was sent is answered. What is unsent goes elsewhere.</summary>
    public void Drain()
    {
        lock (gate)
        {
            if (state != State.Open)
            {
                return;
            }

            state = State.Draining;
            isOpen = false;
            drainingSince = time.GetTimestamp();
            SendElsewhere();
            WriteElsewhere();
        }
    }

    /// <summary>Ends it at once. What was sent and not answered is unknown.</summary>
    /// <param name="cause">Why.</param>
    /// <param name="failure">What failed; null for nothing.</param>
    public void Close(string cause, Exception? failure = null)
    {
        lock (gate)
        {
            if (state == State.Closed)
            {
                return;
            }

            state = State.Closed;
            isOpen = false;
            SendElsewhere();
            var broken = new StreamBrokenException(cause, failure);

            // Where the client ends, nobody is to send anything again.
            var code = stop.IsCancellationRequested ? StatusCode.Cancelled : StatusCode.Unavailable;
            foreach (var item in sent.Values)
            {
                if (messagesRead < item.SentWith)
                {
                    item.GoElsewhere();
                }
                else
                {
                    item.FailUnknown(code, broken);
                }
            }

            sent.Clear();
            CountLoad();
        }

        timer.Dispose();
        ended.Cancel();
        call.Dispose();
        ended.Dispose();
        channel.Dispose();
    }

    private static bool IsUsable(V1.StreamHello hello) =>
        hello is { ItemsMax: > 0, MessageItemsMax: > 0, ItemBytesMax: > 0, BytesMax: <= int.MaxValue }
        && hello.ItemBytesMax <= hello.MessageBytesMax && hello.ItemBytesMax <= hello.BytesMax;

    // What follows is called under the lock, unless it says otherwise.

    private void CountLoad() => load = waiting.Count + sent.Count;

    private bool TryBeginWriting()
    {
        if (isWriting || state == State.Closed)
        {
            return false;
        }

        isWriting = true;
        return true;
    }

    private void WriteElsewhere()
    {
        if (TryBeginWriting())
        {
            ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.WriteAsync(), this, preferLocal: false);
        }
    }

    private void SendElsewhere()
    {
        foreach (var item in waiting)
        {
            item.GoElsewhere();
        }

        waiting.Clear();
        CountLoad();
    }

    // What there is to write now; null where there is nothing.
    private V1.StreamCallsRequest? Gather()
    {
        V1.StreamCallsRequest? message = null;
        var size = 0;
        while (waiting.TryPeek(out var item))
        {
            if (item.Task.IsCompleted)
            {
                waiting.Dequeue();
                continue;
            }

            if (sent.Count >= hello.ItemsMax || sentBytes + item.Size > hello.BytesMax
                || (message is not null
                    && (message.Items.Count >= hello.MessageItemsMax || size + item.Size > hello.MessageBytesMax)))
            {
                break;
            }

            waiting.Dequeue();
            var left = item.Deadline - TimeProvider.System.GetUtcNow().UtcDateTime;
            if (left <= TimeSpan.Zero)
            {
                item.FailExpired();
                continue;
            }

            message ??= new V1.StreamCallsRequest();
            item.Message.Id = checked(++lastId);
            item.Message.Timeout = Duration.FromTimeSpan(left);
            item.Sending(messagesWritten + 1);
            message.Items.Add(item.Message);
            sent.Add(lastId, item);
            size += item.Size;
            sentBytes += item.Size;
        }

        if (cancelled.Count > 0)
        {
            message ??= new V1.StreamCallsRequest();
            message.CancelledIds.AddRange(cancelled);
            cancelled.Clear();
        }

        if (isBeatDue && message is null)
        {
            message = new V1.StreamCallsRequest();
        }

        if (message is not null)
        {
            isBeatDue = false;
            messagesWritten++;
            lastWritten = time.GetTimestamp();
        }

        CountLoad();
        return message;
    }

    // Not under the lock. One at a time; never throws.
    private async Task WriteAsync()
    {
        try
        {
            while (true)
            {
                V1.StreamCallsRequest? message;
                lock (gate)
                {
                    if (state == State.Closed)
                    {
                        return;
                    }

                    message = Gather();
                    if (message is null && state == State.Open)
                    {
                        isWriting = false;
                        return;
                    }
                }

                if (message is null)
                {
                    // Draining: nothing more comes. The server answers what it has, and ends.
                    await call.RequestStream.CompleteAsync();
                    return;
                }

                await call.RequestStream.WriteAsync(message);
            }
        }
        catch (Exception failure)
        {
            // What the server has said comes by the reading side, which then closes first.
            Drain();
            await Task.Delay(SharingTimes.LookEvery, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Close($"The stream that the call shared could not be written: {failure.Message}", failure);
        }
    }

    // Not under the lock. Never throws.
    private async Task ReadAsync()
    {
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                Receive(call.ResponseStream.Current);
            }

            Close("The stream that the call shared ended.");
        }
        catch (Exception failure)
        {
            Close($"The stream that the call shared broke before an answer came: {failure.Message}", failure);
        }
    }

    // Not under the lock.
    private void Receive(V1.StreamCallsResponse message)
    {
        lock (gate)
        {
            lastHeard = time.GetTimestamp();
            hasBeaten = false;
            foreach (var answer in message.Answers)
            {
                if (sent.Remove(answer.Id, out var item))
                {
                    sentBytes -= item.Size;

                    // First: whoever has its answer compares the loads of the streams with its next call.
                    CountLoad();
                    item.TrySetResult(answer);
                }
            }

            if (message.End is { } end)
            {
                messagesRead = end.MessagesRead;
            }

            CountLoad();
            if (waiting.Count > 0)
            {
                WriteElsewhere();
            }
        }

        if (message.Draining || message.End is not null)
        {
            Drain();
        }
    }

    // Not under the lock. Once a second.
    private void Look()
    {
        string? dead = null;
        var isIdle = false;
        lock (gate)
        {
            switch (state)
            {
                case State.Closed:
                    return;
                case State.Draining when time.GetElapsedTime(drainingSince) >= SharingTimes.DrainWithin:
                    dead = "The answers did not come in time on a stream that takes no more calls.";
                    break;
                case State.Draining:
                    break;
                default:
                    // Since answers are due: after the last sign of life, or where nothing was due, after the last
                    // look.
                    var silence = time.GetElapsedTime(lastHeard);
                    if (sent.Count == 0)
                    {
                        lastHeard = time.GetTimestamp();
                    }
                    else if (silence >= SharingTimes.DeadAfter)
                    {
                        dead = "Nothing was heard any more on the stream that the call shared.";
                    }
                    else if (silence >= SharingTimes.AskedAfter && !hasBeaten)
                    {
                        (isBeatDue, hasBeaten) = (true, true);
                    }

                    isBeatDue |= time.GetElapsedTime(lastWritten) >= SharingTimes.BeatEvery;
                    isIdle = load == 0 && time.GetElapsedTime(lastPosted) >= SharingTimes.IdleAfter;
                    isOld = time.GetElapsedTime(opened) >= life;
                    if (isBeatDue)
                    {
                        WriteElsewhere();
                    }

                    break;
            }
        }

        if (dead is not null)
        {
            Close(dead);
        }
        else if (isIdle)
        {
            Drain();
        }
    }
}
