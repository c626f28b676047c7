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

                if (turns is not null)
                {
                    await turns.EnterAsync(isLong: false, patience: null, cancellation);
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

        // Never throws, so that nobody has to wait for it.
        private async Task PostAsync(
            StreamTransfersRequest request, Transfer transfer, TimeSpan timeout, long started, long held)
        {
            try
            {
                var result = await (request.ReturnBalances ? ledger.ReturningBalances() : ledger).PostTransferAsync(
                    transfer, timeout, Broken);
                Answer(
                    new StreamTransfersResponse
                    {
                        Sequence = request.Sequence,
                        Result = Mapping.Write(request.Transfer.Id, result, ledger),
                    },
                    StatusCode.OK, started, held);
            }
            catch (Exception exception)
            {
                Answer(request.Sequence, errors.ToStatus(exception, context), started, held);
            }
        }

        private void Answer(ulong sequence, Google.Rpc.Status error, long started, long held) => Answer(
            new StreamTransfersResponse { Sequence = sequence, Error = error }, (StatusCode)error.Code, started, held);

        private void Answer(StreamTransfersResponse response, StatusCode code, long started, long held)
        {
            turns?.Leave(isLong: false);
            intake?.Release(held);
            answers.Writer.TryWrite(response);
            Close();
            metrics.Ended(context.Method, code, started);
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
