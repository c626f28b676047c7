using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;

namespace Ledger.Client;

/// <summary>A session that posts transfers as they come, many in flight at once, over one stream.</summary>
/// <remarks>
/// <para>Thread-safe. Answers come as soon as each transfer is decided and may overtake each other.</para>
/// <para>When the stream breaks, everything unanswered is unknown. With
/// <see cref="TransferStreamOptions.RetryUnknownFor"/> the session opens the stream again and sends what is unanswered
/// once more, with the same ids; without, those tasks fail with <see cref="LedgerClientException.OutcomeUnknown"/> and
/// the session is over: open another one.</para>
/// <para>A node ends a stream in good order after an hour, and one on which nothing came for minutes. The session then
/// opens another one by itself; nothing becomes unknown.</para>
/// </remarks>
public sealed class TransferStream : IAsyncDisposable
{
    private static readonly WriteOptions MoreToCome = new(WriteFlags.BufferHint);

    private readonly V1.TransferService.TransferServiceClient service;
    private readonly LedgerClientOptions client;
    private readonly bool countsArrivals;
    private readonly TimeSpan answerTimeout;
    private readonly TimeSpan retryFor;
    private readonly TimeProvider time;
    private readonly Random random = new();

    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<ulong, Request> unanswered = new();
    private readonly Channel<Request> outgoing =
        Channel.CreateUnbounded<Request>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim slots;
    private readonly CancellationTokenSource stop = new();
    private readonly ITimer timer;
    private readonly Task run;
    private ulong lastSequence;
    private LedgerClientException? broken;
    private bool closing;

    internal TransferStream(
        V1.TransferService.TransferServiceClient service,
        TransferStreamOptions options,
        LedgerClientOptions client,
        bool countsArrivals)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.InFlightMax, 1, nameof(options));
        this.service = service;
        this.client = client;
        this.countsArrivals = countsArrivals;
        answerTimeout = options.AnswerTimeout ?? client.WriteTimeout;
        retryFor = options.RetryUnknownFor ?? client.RetryUnknownFor;
        time = client.TimeProvider;
        slots = new SemaphoreSlim(options.InFlightMax);
        var interval = TimeSpan.FromTicks(Math.Clamp(
            answerTimeout.Ticks / 4, TimeSpan.TicksPerMillisecond * 10, TimeSpan.TicksPerSecond));
        timer = time.CreateTimer(_ => EndOverdue(), state: null, interval, interval);
        run = GuardedRunAsync();
    }

    /// <summary>Posts one transfer. Waits for room when too many are unanswered. A rejection is a result.</summary>
    /// <param name="transfer">The transfer. Keep it until the outcome is known.</param>
    /// <param name="cancellationToken">Gives up waiting; what has been sent is then unknown.</param>
    /// <returns>Its outcome.</returns>
    /// <exception cref="LedgerClientException">The request failed, or the stream broke.</exception>
    /// <exception cref="ObjectDisposedException">The session was completed or disposed; nothing was sent.</exception>
    public async Task<TransferResult> PostAsync(Transfer transfer, CancellationToken cancellationToken = default)
    {
        var message = ProtoMapper.ToWire(transfer);
        await slots.WaitAsync(cancellationToken);
        Request request;
        lock (gate)
        {
            if (closing || broken is not null)
            {
                slots.Release();
                ObjectDisposedException.ThrowIf(closing, this);
                throw RpcErrorMapper.Of(broken!, unknown: false);
            }

            request = new Request(
                new V1.StreamTransfersRequest { Sequence = checked(++lastSequence), Transfer = message },
                time.GetTimestamp());
            unanswered[request.Sequence] = request;
            outgoing.Writer.TryWrite(request);
        }

        await using var giveUp = cancellationToken.UnsafeRegister(
            (state, token) => Settle((Request)state!, task => task.TrySetCanceled(token)), request);
        return await request.Answer.Task;
    }

    /// <summary>Takes no more transfers and waits until all that were posted are decided or unknown.</summary>
    public async Task CompleteAsync()
    {
        lock (gate)
        {
            closing = true;
        }

        foreach (var request in unanswered.Values)
        {
            // Each failure belongs to the caller of PostAsync.
            await ((Task)request.Answer.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Ends the session. What is still unanswered is unknown.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (stop.IsCancellationRequested)
            {
                return;
            }

            closing = true;
            outgoing.Writer.TryComplete();
        }

        if (unanswered.IsEmpty)
        {
            // Lets the server see an orderly end, but does not depend on it.
            await run.WaitAsync(TimeSpan.FromSeconds(1), time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await stop.CancelAsync();
        await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await timer.DisposeAsync();
        FailAll(new LedgerClientException("The session was ended before the answer came.")
        {
            Code = StatusCode.Cancelled,
        });
        stop.Dispose();
    }

    private async Task GuardedRunAsync()
    {
        try
        {
            await RunAsync();
        }
        catch (Exception failure) when (!stop.IsCancellationRequested)
        {
            // A defect, or a channel disposed under the session: nobody may wait for answers that can't come.
            var told = new LedgerClientException($"The session failed: {failure.Message}", failure)
            {
                Code = StatusCode.Unavailable,
            };
            lock (gate)
            {
                broken = told;
                FailAll(told);
            }
        }
    }

    private async Task RunAsync()
    {
        var failures = 0;
        // The first transfer opens the stream: a session that is never used costs nothing.
        while (await outgoing.Reader.WaitToReadAsync(stop.Token))
        {
            var (answers, failure) = await RunCallAsync();
            if (failure is null || stop.IsCancellationRequested)
            {
                return;
            }

            failures = answers > 0 || RpcErrorMapper.IsStreamEnd(failure) ? 0 : failures + 1;
            if (!SendAgain(failure, isWithinTries: failures < client.MaxAttempts))
            {
                return;
            }

            await Task.Delay(RpcErrorMapper.Pause(failure, failures, client, random), time, stop.Token);
        }
    }

    // One life of the stream, from opening to its end. No failure means that the session ended it.
    private async Task<(int Answers, LedgerClientException? Failure)> RunCallAsync()
    {
        var trace = DeliveryTracker.Begin(countsArrivals);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        using var call = service.StreamTransfers(new CallOptions(cancellationToken: ended.Token));
        var answers = new Counter();
        var reading = ReadAsync(call.ResponseStream, answers, ended.Token);
        var writing = WriteAsync(call.RequestStream, ended.Token);
        await Task.WhenAny(reading, writing);
        if (writing.IsCompletedSuccessfully && !reading.IsCompleted)
        {
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        else if (writing.IsFaulted)
        {
            // The status that says why comes by the reading side.
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None));
        }

        await ended.CancelAsync();
        await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stop.IsCancellationRequested || (writing.IsCompletedSuccessfully && reading.IsCompletedSuccessfully))
        {
            return (answers.Value, null);
        }

        var cause = reading.Exception?.InnerException as RpcException
            ?? writing.Exception?.InnerException as RpcException;
        return (answers.Value, cause is null
            ? new LedgerClientException("The ledger ended the stream.")
            {
                Code = StatusCode.Unavailable,
                OutcomeUnknown = true,
            }
            : RpcErrorMapper.Of(cause, CallKind.WriteBatch, trace, TimeSpan.MaxValue));
    }

    private async Task WriteAsync(IClientStreamWriter<V1.StreamTransfersRequest> stream, CancellationToken ended)
    {
        while (await outgoing.Reader.WaitToReadAsync(ended))
        {
            while (outgoing.Reader.TryRead(out var request))
            {
                // Whatever is taken from the queue is written: the hint promises that something follows.
                request.WasSent = true;
                stream.WriteOptions = outgoing.Reader.TryPeek(out _) ? MoreToCome : null;
                await stream.WriteAsync(request.Message, ended);
            }
        }

        await stream.CompleteAsync();
    }

    private async Task ReadAsync(
        IAsyncStreamReader<V1.StreamTransfersResponse> stream, Counter answers, CancellationToken ended)
    {
        while (await stream.MoveNext(ended))
        {
            answers.Value++;
            Receive(stream.Current);
        }
    }

    private void Receive(V1.StreamTransfersResponse response)
    {
        // An answer to what was given up, or a second answer after a second sending.
        if (!unanswered.TryGetValue(response.Sequence, out var request))
        {
            return;
        }

        switch (response.OutcomeCase)
        {
            case V1.StreamTransfersResponse.OutcomeOneofCase.Result:
                Complete(request, response.Result);
                break;
            case V1.StreamTransfersResponse.OutcomeOneofCase.Error:
                Fail(request, RpcErrorMapper.Of(response.Error, request.MayBeRecorded));
                break;
            default:
                Fail(request, RpcErrorMapper.Malformed("an answer on the stream is empty.", CallKind.Write));
                break;
        }
    }

    private void Complete(Request request, V1.TransferResult result)
    {
        try
        {
            var outcome = ProtoMapper.FromWire(result);
            Settle(request, task => task.TrySetResult(outcome));
        }
        catch (Exception failure) when (failure is FormatException or OverflowException)
        {
            Fail(request, RpcErrorMapper.Malformed(failure.Message, CallKind.Write, failure));
        }
    }

    private void Fail(Request request, LedgerClientException failure)
    {
        request.MayBeRecorded |= failure.OutcomeUnknown;
        var overload = RpcErrorMapper.IsOverload(failure);
        var again = overload
            ? TimeSpan.FromTicks(Math.Max(answerTimeout.Ticks, retryFor.Ticks))
            : RpcErrorMapper.IsOpen(failure) ? retryFor : TimeSpan.Zero;
        var pause = RpcErrorMapper.Pause(failure, request.Attempts, client, random);
        if (time.GetElapsedTime(request.FirstPosted) + pause < again)
        {
            request.Attempts++;
            request.LastPosted = time.GetTimestamp();
            _ = SendLaterAsync(request, pause);
            return;
        }

        var told = RpcErrorMapper.Of(failure, request.MayBeRecorded);
        Settle(request, task => task.TrySetException(told));
    }

    private async Task SendLaterAsync(Request request, TimeSpan pause)
    {
        await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (unanswered.ContainsKey(request.Sequence))
        {
            outgoing.Writer.TryWrite(request);
        }
    }

    // After a break: what may be tried again goes back into the queue, the rest is told. False ends the session.
    private bool SendAgain(LedgerClientException failure, bool isWithinTries)
    {
        // What never left is as good as not begun with, whatever the caller thinks of repeating.
        var neverSent = failure.Unreachable && !RpcErrorMapper.IsFutile(failure) && countsArrivals && isWithinTries;

        // A stream ends by its age, or when the node has no room for more of it: another one goes on.
        var endsByNode = RpcErrorMapper.IsStreamEnd(failure) || RpcErrorMapper.IsOverload(failure);
        var mayRetry = neverSent || endsByNode
            || (retryFor > TimeSpan.Zero && RpcErrorMapper.IsOpen(failure) && !RpcErrorMapper.IsFutile(failure));
        var within = (neverSent || endsByNode) && answerTimeout > retryFor ? answerTimeout : retryFor;
        lock (gate)
        {
            while (outgoing.Reader.TryRead(out _))
            {
                // Everything in the queue is also among the unanswered.
            }

            foreach (var request in unanswered.Values.OrderBy(r => r.Sequence))
            {
                request.MayBeRecorded |= request.WasSent && failure.OutcomeUnknown;
                request.WasSent = false;
                request.LastPosted = time.GetTimestamp();
                if (mayRetry && time.GetElapsedTime(request.FirstPosted) < within)
                {
                    request.Attempts++;
                    outgoing.Writer.TryWrite(request);
                }
                else
                {
                    var told = RpcErrorMapper.Of(failure, request.MayBeRecorded);
                    Settle(request, task => task.TrySetException(told));
                }
            }

            if (mayRetry)
            {
                return true;
            }

            broken = failure;
            return false;
        }
    }

    private void EndOverdue()
    {
        foreach (var request in unanswered.Values)
        {
            if (time.GetElapsedTime(request.LastPosted) >= answerTimeout)
            {
                Fail(request, new LedgerClientException("No answer came in time.")
                {
                    Code = StatusCode.DeadlineExceeded,
                    OutcomeUnknown = request.WasSent || request.MayBeRecorded,
                });
            }
        }
    }

    private void FailAll(LedgerClientException failure)
    {
        foreach (var request in unanswered.Values)
        {
            var told = RpcErrorMapper.Of(failure, request.WasSent || request.MayBeRecorded);
            Settle(request, task => task.TrySetException(told));
        }
    }

    private void Settle(Request request, Action<TaskCompletionSource<TransferResult>> settle)
    {
        // Whoever removes it settles it, so that each is settled once and gives back one slot.
        if (unanswered.TryRemove(request.Sequence, out _))
        {
            slots.Release();
            settle(request.Answer);
        }
    }

    private sealed class Request(V1.StreamTransfersRequest message, long posted)
    {
        public V1.StreamTransfersRequest Message { get; } = message;

        public ulong Sequence => Message.Sequence;

        public long FirstPosted { get; } = posted;

        public long LastPosted { get; set; } = posted;

        public int Attempts { get; set; }

        /// <summary>Whether it was written to the stream that is open now.</summary>
        public bool WasSent { get; set; }

        /// <summary>Whether an attempt of it ended unknown.</summary>
        public bool MayBeRecorded { get; set; }

        public TaskCompletionSource<TransferResult> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Counter
    {
        public int Value { get; set; }
    }
}
