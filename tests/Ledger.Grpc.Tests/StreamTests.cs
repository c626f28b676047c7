using System.Collections.Concurrent;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>The pipelined stream. Time is no argument here: each test waits for what must happen.</summary>
public sealed class StreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Answers_may_overtake_each_other()
    {
        await using var host = await GrpcHost.StartAsync();
        var held = new Held(host.Ledger);
        using var stream = host.Transfers.StreamTransfers();
        await SendAsync(stream, 1, 3);
        var calls = await held.TakeAsync(3);
        foreach (var call in calls.Reverse())
        {
            call.Release();
            (await ReceiveAsync(stream)).Sequence.ShouldBe(call.Sequence);
        }

        await stream.RequestStream.CompleteAsync();
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
    }

    [Fact]
    public async Task No_more_than_the_limit_are_in_flight_and_each_is_answered_once()
    {
        const int count = 300;
        const int limit = 16;
        await using var host = await GrpcHost.StartAsync(o => o.StreamInFlightMax = limit);
        var inFlight = 0;
        var highest = 0;
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            InterlockedMax(ref highest, Interlocked.Increment(ref inFlight));
            await Task.Yield();
            Interlocked.Decrement(ref inFlight);
            return FakeLedger.Created(transfer);
        };
        using var stream = host.Transfers.StreamTransfers();
        var sending = Task.Run(async () =>
        {
            await SendAsync(stream, 1, count);
            await stream.RequestStream.CompleteAsync();
        });
        var answered = new List<ulong>();
        await foreach (var answer in stream.ResponseStream.ReadAllAsync())
        {
            answer.OutcomeCase.ShouldBe(StreamTransfersResponse.OutcomeOneofCase.Result);
            answered.Add(answer.Sequence);
        }

        await sending;
        answered.Order().ShouldBe(Enumerable.Range(1, count).Select(static i => (ulong)i));
        highest.ShouldBeInRange(1, limit);
    }

    [Fact]
    public async Task A_ledger_that_does_not_answer_stops_the_reading()
    {
        const int limit = 4;
        await using var host = await GrpcHost.StartAsync(o => o.StreamInFlightMax = limit);
        var held = new Held(host.Ledger);
        using var stream = host.Transfers.StreamTransfers();
        await SendAsync(stream, 1, limit + 1);
        var calls = await held.TakeAsync(limit);

        // The fifth is there to be read, and only an answer that was written makes room for it.
        held.Waiting.ShouldBe(0);
        host.Ledger.Calls.Count.ShouldBe(limit);
        calls[0].Release();
        await ReceiveAsync(stream);
        (await held.TakeAsync(1))[0].Sequence.ShouldBe(5ul);
        host.Ledger.Calls.Count.ShouldBe(limit + 1);
        await stream.RequestStream.CompleteAsync();
    }

    [Fact]
    public async Task A_malformed_item_is_answered_and_the_stream_goes_on()
    {
        await using var host = await GrpcHost.StartAsync();
        using var stream = host.Transfers.StreamTransfers();
        await stream.RequestStream.WriteAsync(new StreamTransfersRequest { Sequence = 1 });
        var missing = await ReceiveAsync(stream);
        missing.Sequence.ShouldBe(1ul);
        Errors.Of(missing.Error).ShouldSatisfyAllConditions(
            e => e.Code.ShouldBe(StatusCode.InvalidArgument),
            e => e.Reason.ShouldBe("TRANSFER_MISSING"),
            e => e.Field.ShouldBe("transfer"));
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 2, Transfer = Samples.Transfer(t => t.Amount = "-1") });
        Errors.Of((await ReceiveAsync(stream)).Error).ShouldSatisfyAllConditions(
            e => e.Reason.ShouldBe("AMOUNT_NEGATIVE"), e => e.Field.ShouldBe("transfer.amount"));
        host.Ledger.Calls.ShouldBeEmpty();
        await SendAsync(stream, 3, 1);
        (await ReceiveAsync(stream)).Result.Status.ShouldBe(V1.TransferStatus.Created);
        await stream.RequestStream.CompleteAsync();
        (await stream.ResponseStream.MoveNext()).ShouldBeFalse();
    }

    [Fact]
    public async Task When_the_client_leaves_its_calls_are_cancelled()
    {
        await using var host = await GrpcHost.StartAsync();
        var held = new Held(host.Ledger);
        using var stream = host.Transfers.StreamTransfers();
        await SendAsync(stream, 1, 3);
        var calls = await held.TakeAsync(3);
        stream.Dispose();
        foreach (var call in calls)
        {
            await call.Cancelled.WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task A_node_that_stops_answers_what_it_has_read_and_says_that_it_stops()
    {
        await using var host = await GrpcHost.StartAsync();
        var held = new Held(host.Ledger);
        using var stream = host.Transfers.StreamTransfers();
        await SendAsync(stream, 1, 1);
        var call = (await held.TakeAsync(1))[0];
        host.Stop();
        call.Release();
        (await ReceiveAsync(stream)).Result.Status.ShouldBe(V1.TransferStatus.Created);
        var error = await Errors.OfAsync(() => stream.ResponseStream.MoveNext());
        error.Reason.ShouldBe("UNAVAILABLE");
    }

    [Fact]
    public async Task A_message_that_is_too_large_ends_the_stream_after_its_answers()
    {
        await using var host = await GrpcHost.StartAsync(o => o.MaxReceiveMessageBytes = 64 * 1024);
        using var stream = host.Transfers.StreamTransfers();
        await SendAsync(stream, 1, 1);

        // The server stops reading in the middle of it, which may show here or not.
        await stream.RequestStream.WriteAsync(new StreamTransfersRequest
        {
            Transfer = Samples.Transfer(t => t.Reference = new string('x', 70_000)),
        }).ContinueWith(static _ => { }, TaskScheduler.Default);
        (await ReceiveAsync(stream)).Sequence.ShouldBe(1ul);
        var error = await Errors.OfAsync(() => stream.ResponseStream.MoveNext());
        error.Reason.ShouldBe("REQUEST_TOO_LARGE");
    }

    private static async Task SendAsync(
        AsyncDuplexStreamingCall<StreamTransfersRequest, StreamTransfersResponse> stream, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            var sequence = i;
            await stream.RequestStream.WriteAsync(new StreamTransfersRequest
            {
                Sequence = (ulong)i,
                Transfer = Samples.Transfer(t => t.Code = (uint)sequence),
            });
        }
    }

    private static async Task<StreamTransfersResponse> ReceiveAsync(
        AsyncDuplexStreamingCall<StreamTransfersRequest, StreamTransfersResponse> stream)
    {
        (await stream.ResponseStream.MoveNext().WaitAsync(Patience)).ShouldBeTrue();
        return stream.ResponseStream.Current;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = target; value > seen; seen = target)
        {
            Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    /// <summary>A ledger whose answers are held until they are released; a transfer's code is its sequence.</summary>
    private sealed class Held
    {
        private readonly ConcurrentQueue<HeldCall> calls = new();
        private readonly SemaphoreSlim arrived = new(0);

        public Held(FakeLedger ledger) => ledger.OnTransfer = (transfer, cancellation) =>
        {
            var call = new HeldCall(transfer, cancellation);
            calls.Enqueue(call);
            arrived.Release();
            return call.Result;
        };

        public int Waiting => calls.Count;

        public async Task<HeldCall[]> TakeAsync(int count)
        {
            var taken = new HeldCall[count];
            for (var i = 0; i < count; i++)
            {
                (await arrived.WaitAsync(Patience)).ShouldBeTrue("a call did not come");
                calls.TryDequeue(out taken[i]!).ShouldBeTrue();
            }

            return taken;
        }
    }

    private sealed class HeldCall
    {
        private readonly TaskCompletionSource<TransferResult> result =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        private readonly Transfer transfer;

        public HeldCall(Transfer transfer, CancellationToken cancellation)
        {
            this.transfer = transfer;
            var cancelled = new TaskCompletionSource();
            Cancelled = cancelled.Task;
            cancellation.Register(() =>
            {
                result.TrySetCanceled(cancellation);
                cancelled.TrySetResult();
            });
        }

        public ulong Sequence => transfer.Code;

        public Task<TransferResult> Result => result.Task;

        public Task Cancelled { get; }

        public void Release() => result.SetResult(FakeLedger.Created(transfer));
    }
}
