using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.V1;

namespace Ledger.Grpc.Services;

/// <summary>One stream of calls.</summary>
/// <remarks>
/// One loop reads and begins; what is begun runs by itself; one loop writes answers, those that wait together in one
/// message. The reading never waits for an answer: unread bytes would fill the window of the whole connection and stop
/// every call on it. Instead an item counts from its reading until the writing of its answer, and one beyond the limit
/// is refused.
/// </remarks>
internal sealed class CallStream : IDisposable
{
    // Answers to a message of the most that may be sent; those of transfers are taken to have so many bytes.
    private const int MessageAnswersMax = 256;
    private const int MessageBytesMax = 256 * 1024;
    private const int TransferAnswerBytes = 1024;

    private readonly CallStreams owner;
    private readonly ServerCallContext context;
    private readonly MessageIntake? intake;
    private readonly CallerTurns? turns;
    private readonly CancellationTokenSource broken;
    private readonly CancellationTokenSource draining = new();

    // Null only has the writer look at what else there is to say.
    private readonly Channel<Written?> answers = Channel.CreateUnbounded<Written?>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly ConcurrentDictionary<ulong, CancellationTokenSource> reads = new();

    // The reading loop counts as one, so that the channel isn't completed before the last message is read.
    private int open = 1;
    private int items;
    private int bytes;
    private int refused;
    private ulong messagesRead;
    private int beatDue;
    private int drainingDue;

    public CallStream(CallStreams owner, ServerCallContext context, MessageIntake? intake)
    {
        (this.owner, this.context, this.intake) = (owner, context, intake);
        turns = context.GetHttpContext().Features.Get<CallerTurns>();
        broken = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
    }

    /// <summary>Set when nothing can be answered any more: the client left, or writing failed.</summary>
    public CancellationToken Broken => broken.Token;

    /// <summary>Set when the client was told to go elsewhere.</summary>
    public CancellationToken Draining => draining.Token;

    /// <summary>Tells the client to go elsewhere.</summary>
    public void Drain()
    {
        if (Interlocked.Exchange(ref drainingDue, 1) == 0)
        {
            answers.Writer.TryWrite(null);
            draining.Cancel();
        }
    }

    public async Task ReadAllAsync(IAsyncStreamReader<StreamCallsRequest> requests, CancellationToken cancellation)
    {
        while (await StreamReading.MoveNextAsync(requests, context, cancellation))
        {
            messagesRead++;
            Take(requests.Current);
        }
    }

    public void ReadingEnded() => Close();

    public async Task WriteAllAsync(IServerStreamWriter<StreamCallsResponse> responses, StreamHello hello)
    {
        var reader = answers.Reader;
        try
        {
            var hasDrained = hello.Draining;
            await responses.WriteAsync(new StreamCallsResponse { Hello = hello });
            while (await reader.WaitToReadAsync())
            {
                var message = new StreamCallsResponse();
                var (size, itemCount, itemBytes, refusals) = (0, 0, 0, 0);
                while (message.Answers.Count < MessageAnswersMax && size < MessageBytesMax
                    && reader.TryRead(out var one))
                {
                    if (one is not { } written)
                    {
                        continue;
                    }

                    message.Answers.Add(written.Answer);
                    size += SizeOf(written.Answer);
                    if (written.ItemBytes is { } counted)
                    {
                        itemCount++;
                        itemBytes += counted;
                    }
                    else
                    {
                        refusals++;
                    }
                }

                var isBeat = Interlocked.Exchange(ref beatDue, 0) == 1;
                if (!hasDrained && Volatile.Read(ref drainingDue) == 1)
                {
                    message.Draining = hasDrained = true;
                }

                if (message.Answers.Count > 0 || message.Draining || isBeat)
                {
                    // Before it is written: a client that has read it may send the next at once.
                    Interlocked.Add(ref items, -itemCount);
                    Interlocked.Add(ref bytes, -itemBytes);
                    Interlocked.Add(ref refused, -refusals);
                    await responses.WriteAsync(message);
                }
            }

            // The channel is complete after the last answer, and the reading has ended before that.
            await responses.WriteAsync(new StreamCallsResponse { End = new StreamEnd { MessagesRead = messagesRead } });
        }
        catch
        {
            await broken.CancelAsync();
            await AnswerChannel.DiscardAllAsync(reader);

            throw;
        }
    }

    public void Dispose()
    {
        broken.Dispose();
        draining.Dispose();
    }

    private static int SizeOf(CallAnswer answer) =>
        answer.OutcomeCase == CallAnswer.OutcomeOneofCase.PostTransfer ? TransferAnswerBytes : answer.CalculateSize();

    private void Take(StreamCallsRequest message)
    {
        foreach (var id in message.CancelledIds)
        {
            if (reads.TryRemove(id, out var read))
            {
                // Whoever takes it out disposes it.
                read.Cancel();
                read.Dispose();
            }
        }

        if (message.Items.Count == 0)
        {
            if (message.CancelledIds.Count == 0)
            {
                // One that waits to be answered stands for all: whoever takes no answers fills nothing.
                if (Interlocked.Exchange(ref beatDue, 1) == 0)
                {
                    answers.Writer.TryWrite(null);
                }
            }

            return;
        }

        var held = new HeldMessage(intake, message.Items.Count);
        foreach (var item in message.Items)
        {
            Begin(item, held);
        }
    }

    private void Begin(CallItem item, HeldMessage held)
    {
        var size = item.CalculateSize();
        if (Volatile.Read(ref items) >= owner.ItemsMax || Volatile.Read(ref bytes) + size > CallStreams.BytesMax)
        {
            Refuse(item, held);
            return;
        }

        Interlocked.Increment(ref items);
        Interlocked.Add(ref bytes, size);
        Interlocked.Increment(ref open);
        _ = RunAsync(item, size, held);
    }

    private void Refuse(CallItem item, HeldMessage held)
    {
        // Refusals wait to be written too: who has so many sends on and takes no answers.
        if (Interlocked.Increment(ref refused) > 2 * owner.ItemsMax)
        {
            context.GetHttpContext().Abort();
            throw new OperationCanceledException(
                "More was sent than the hello allows, and the answers were not taken.");
        }

        var error = owner.Errors.ToStatus(new RequestError(
            ErrorReasons.Overloaded,
            "More is unanswered on the stream than its hello allows. Nothing was applied. Send it again after a"
            + " pause."));
        held.Answered();
        answers.Writer.TryWrite(new Written(new CallAnswer { Id = item.Id, Error = error }, ItemBytes: null));
    }

    // Never throws, so that nobody has to wait for it. Whatever happens, also outside of the call, the item is answered
    // and counts no more: one that stayed open would keep its stream from ever ending.
    private async Task RunAsync(CallItem item, int size, HeldMessage held)
    {
        // What is measured is each item, as a call of its own.
        var started = 0L;
        var path = context.Method;
        CallAnswer? answer = null;
        try
        {
            started = owner.Metrics.Start();
            using var activity = Trace(item);
            answer = await AnswerAsync(item, called => path = called);
        }
        catch (Exception exception)
        {
            // Of whoever listens to traces and metrics. What was answered before stands.
            answer ??= Failure(item, exception, context);
        }

        held.Answered();
        answers.Writer.TryWrite(new Written(answer, size));
        Close();
        try
        {
            owner.Metrics.Ended(path, (StatusCode)(answer.Error?.Code ?? 0), started);
        }
        catch (Exception)
        {
            // A listener's own affair: the item is answered.
        }
    }

    private async Task<CallAnswer> AnswerAsync(CallItem item, Action<string> called)
    {
        CancellationTokenSource? read = null;
        var isCancellable = false;
        var (isPage, hasTurn) = (false, false);
        ServerCallContext itemContext = context;
        try
        {
            var call = owner.CallOf(item);
            called(call.Path);
            if (call.IsRead)
            {
                read = CancellationTokenSource.CreateLinkedTokenSource(Broken);
                isCancellable = reads.TryAdd(item.Id, read);
            }

            itemContext = new ItemCallContext(context, call.Path, DeadlineOf(item), read?.Token ?? Broken);
            owner.Require(call, itemContext);
            if (turns is not null)
            {
                isPage = GrpcMethods.Of(call.Path).IsPage;
                await owner.Clock.EnterAsync(turns, itemContext, isPage);
                hasTurn = true;
            }

            var answer = await call.RunAsync(item, itemContext);
            if (SizeOf(answer) > owner.AnswerBytesMax - MessageBytesMax)
            {
                throw new RequestError(
                    ErrorReasons.AnswerTooLarge,
                    "The answer is larger than what a stream carries; make a call of its own.").Exception();
            }

            return answer;
        }
        catch (Exception exception)
        {
            return Failure(item, exception, itemContext);
        }
        finally
        {
            if (hasTurn)
            {
                turns!.Leave(isPage);
            }

            if (read is not null && (!isCancellable || reads.TryRemove(new(item.Id, read))))
            {
                read.Dispose();
            }
        }
    }

    private CallAnswer Failure(CallItem item, Exception exception, ServerCallContext itemContext)
    {
        try
        {
            return new CallAnswer { Id = item.Id, Error = owner.Errors.ToStatus(exception, itemContext) };
        }
        catch (Exception)
        {
            // Where it could not even be counted or logged, the client is still told.
            return new CallAnswer { Id = item.Id, Error = ErrorMap.ToStatus(ErrorMap.Unexpected) };
        }
    }

    private DateTime DeadlineOf(CallItem item)
    {
        if (item.Timeout is not { } timeout)
        {
            return DateTime.MaxValue;
        }

        // Beyond a century nobody waits, and the sum of both might be none.
        const long longest = 100L * 366 * 24 * 3600;
        return owner.Time.GetUtcNow().UtcDateTime.AddTicks(
            (Math.Clamp(timeout.Seconds, -longest, longest) * TimeSpan.TicksPerSecond)
            + (timeout.Nanos / TimeSpan.NanosecondsPerTick));
    }

    // So that what the ledger logs of the item is found by its caller's trace.
    private static Activity? Trace(CallItem item) =>
        item.Traceparent.Length > 0 && ActivityContext.TryParse(item.Traceparent, traceState: null, out var parent)
            ? new Activity("ledger.v1.CallItem").SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start()
            : null;

    private void Close()
    {
        if (Interlocked.Decrement(ref open) == 0)
        {
            answers.Writer.TryComplete();
        }
    }

    // ItemBytes: null of what was refused beyond the limit, which never counted.
    private readonly record struct Written(CallAnswer Answer, int? ItemBytes);
}
