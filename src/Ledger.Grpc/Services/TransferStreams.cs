using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.Grpc.Errors;
using Ledger.V1;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ledger.Grpc.Services;

/// <summary>Runs the pipelined streams of StreamTransfers.</summary>
/// <remarks>
/// One loop reads and posts; what is posted runs by itself; one loop writes answers as they are decided. A request
/// holds one of the stream's places from before it is read until its answer is written, so neither a slow ledger nor a
/// client that doesn't read its answers makes the node remember more than that many.
/// </remarks>
internal sealed class TransferStreams(
    CallerLedgers ledgers, CallDeadline clock, ErrorInterceptor errors, CallMetrics metrics,
    IOptions<LedgerGrpcOptions> options,
    IHostApplicationLifetime lifetime)
{
    // As many as one stream may have in flight where no setting says otherwise.
    private const int WaitingMax = 1024;

    private static readonly WriteOptions Buffered = new(WriteFlags.BufferHint);

    public async Task RunAsync(
        IAsyncStreamReader<StreamTransfersRequest> requests, IServerStreamWriter<StreamTransfersResponse> responses,
        ServerCallContext context, MessageIntake? intake = null, CallerTurns? turns = null)
    {
        if (ledgers.ExpiryOf(context) is { } left)
        {
            intake?.EndWithin(left);
        }

        using var run = new Run(
            ledgers.For(context), clock, errors, metrics, context, intake, turns, options.Value.StreamInFlightMax);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(run.Broken, lifetime.ApplicationStopping);
        var writing = run.WriteAllAsync(responses);
        try
        {
            await run.ReadAllAsync(requests, reading.Token);
        }
        catch (OperationCanceledException) when (run.Broken.IsCancellationRequested && !run.ClientLeft)
        {
            // The writer broke; its exception, below, says why.
        }
        finally
        {
            // Whatever ended the reading, what was read is answered if it can be, and no call outlives the stream.
            run.ReadingEnded();
            await writing;
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly ILedger ledger;
        private readonly CallDeadline clock;
        private readonly ErrorInterceptor errors;
        private readonly CallMetrics metrics;
        private readonly ServerCallContext context;
        private readonly MessageIntake? intake;
        private readonly CallerTurns? turns;
        private readonly SemaphoreSlim places;
        private readonly CancellationTokenSource broken;

        // Bounded by the places.
        private readonly Channel<StreamTransfersResponse> answers = Channel.CreateUnbounded<StreamTransfersResponse>(
            new UnboundedChannelOptions { SingleReader = true });

        // The reading loop counts as one, so that the channel isn't completed before the last request is read.
        private int open = 1;

        public Run(
            ILedger ledger, CallDeadline clock, ErrorInterceptor errors, CallMetrics metrics, ServerCallContext context,
            MessageIntake? intake, CallerTurns? turns, int inFlightMax)
        {
            this.ledger = ledger;
            this.clock = clock;
            this.errors = errors;
            this.metrics = metrics;
            this.context = context;
            this.intake = intake;
            this.turns = turns;
            places = new SemaphoreSlim(inFlightMax, inFlightMax);
            broken = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        }

        /// <summary>Set when nothing can be answered any more: the client left, or writing failed.</summary>
        public CancellationToken Broken => broken.Token;

        public bool ClientLeft => context.CancellationToken.IsCancellationRequested;

        public async Task ReadAllAsync(
            IAsyncStreamReader<StreamTransfersRequest> requests, CancellationToken cancellation)
        {
            while (true)
            {
                await places.WaitAsync(cancellation);
                if (!await StreamReading.MoveNextAsync(requests, context, cancellation))
                {
                    return;
                }

                if (turns is { Waiting: > WaitingMax })
                {
                    // Whoever has so many waiting, on all its streams together, is read no faster than it is served.
                    await turns.EnterAsync(isLong: false, patience: null, cancellation);
                    turns.Leave(isLong: false);
                }

                Interlocked.Increment(ref open);
                Post(requests.Current, intake?.HandOver() ?? 0);
            }
        }

        public void ReadingEnded() => Close();

        public async Task WriteAllAsync(IServerStreamWriter<StreamTransfersResponse> responses)
        {
            var reader = answers.Reader;
            try
            {
                while (await reader.WaitToReadAsync())
                {
                    // What is there together leaves together: only the last of them flushes.
                    while (reader.TryRead(out var answer))
                    {
                        responses.WriteOptions = reader.TryPeek(out _) ? Buffered : null;
                        await responses.WriteAsync(answer);
                        places.Release();
                    }
                }
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
            places.Dispose();
        }

        private void Post(StreamTransfersRequest request, long held)
        {
            // The stream itself lasts as long as its client likes: what is measured is each of its transfers.
            var started = metrics.Start();
            if (!clock.TryTimeout(context, out var timeout))
            {
                Answer(request.Sequence, errors.ToStatus(CallDeadline.Expired), started, held);
                return;
            }

            if (!Mapping.TryRead(request.Transfer, out var transfer, out var fault))
            {
                Answer(request.Sequence, errors.ToStatus(fault.Within("transfer")), started, held);
                return;
            }

            _ = PostAsync(request, transfer, timeout, started, held);
        }

        // Never throws, so that nobody has to wait for it. Its turn is waited for here and not where messages are read:
        // unread bytes would fill the window of the whole connection, and stop every call on it.
        private async Task PostAsync(
            StreamTransfersRequest request, Transfer transfer, TimeSpan timeout, long started, long held)
        {
            var response = new StreamTransfersResponse { Sequence = request.Sequence };
            var hasTurn = false;
            try
            {
                if (turns is not null)
                {
                    var began = Stopwatch.GetTimestamp();
                    await turns.EnterAsync(isLong: false, timeout, Broken);
                    hasTurn = true;
                    timeout -= Stopwatch.GetElapsedTime(began);
                    if (timeout <= TimeSpan.Zero)
                    {
                        throw CallDeadline.Expired.Exception();
                    }
                }

                var result = await (request.ReturnBalances ? ledger.ReturningBalances() : ledger).PostTransferAsync(
                    transfer, timeout, Broken);
                response.Result = Mapping.Write(request.Transfer.Id, result, ledger);
            }
            catch (Exception exception)
            {
                response.Error = errors.ToStatus(exception, context);
            }

            if (hasTurn)
            {
                turns!.Leave(isLong: false);
            }

            Answer(response, (StatusCode)(response.Error?.Code ?? 0), started, held);
        }

        private void Answer(ulong sequence, Google.Rpc.Status error, long started, long held) => Answer(
            new StreamTransfersResponse { Sequence = sequence, Error = error }, (StatusCode)error.Code, started, held);

        private void Answer(StreamTransfersResponse response, StatusCode code, long started, long held)
        {
            intake?.Release(held);
            answers.Writer.TryWrite(response);
            Close();
            try
            {
                metrics.Ended(context.Method, code, started);
            }
            catch (Exception)
            {
                // A listener's own affair: the transfer is answered.
            }
        }

        private void Close()
        {
            if (Interlocked.Decrement(ref open) == 0)
            {
                answers.Writer.TryComplete();
            }
        }
    }
}
