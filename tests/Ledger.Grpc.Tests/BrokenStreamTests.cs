using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Services;
using Ledger.Tests.Shared;
using Ledger.V1;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using GrpcMetadata = Grpc.Core.Metadata;

namespace Ledger.Grpc.Tests;

/// <summary>A stream whose answers can't be written any more ends, with all its calls, whatever is still
/// queued.</summary>
public sealed class BrokenStreamTests
{
    [Fact]
    public async Task A_stream_whose_writing_breaks_ends_with_its_calls()
    {
        var ledger = new FakeLedger();
        var underWay = 0;
        ledger.OnTransfer = async (transfer, cancellation) =>
        {
            if (transfer.Code % 2 == 1)
            {
                return FakeLedger.Created(transfer);
            }

            Interlocked.Increment(ref underWay);
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
                return FakeLedger.Created(transfer);
            }
            finally
            {
                Interlocked.Decrement(ref underWay);
            }
        };
        var options = Options.Create(new LedgerGrpcOptions { StreamInFlightMax = 64 });
        var clock = new CallDeadline(options, TimeProvider.System);
        using var rates = new CallRates();
        using var meter = new MeterRecorder();
        var metrics = new CallMetrics(meter);
        var streams = new TransferStreams(
            new CallerLedgers(ledger, ledger, ledger, TimeProvider.System, rates), clock,
            new ErrorInterceptor(clock, metrics, NullLogger<ErrorInterceptor>.Instance), metrics, options,
            new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance));

        var running = streams.RunAsync(new EndlessRequests(), new BrokenResponses(), new Context());
        var thrown = await Should.ThrowAsync<IOException>(() => running.WaitAsync(TimeSpan.FromSeconds(20)));
        thrown.Message.ShouldBe("broken");
        underWay.ShouldBe(0);
    }

    private sealed class EndlessRequests : IAsyncStreamReader<StreamTransfersRequest>
    {
        private uint count;

        public StreamTransfersRequest Current =>
            new() { Sequence = count, Transfer = Samples.Transfer(t => t.Code = count) };

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            count++;
            return true;
        }
    }

    private sealed class BrokenResponses : IServerStreamWriter<StreamTransfersResponse>
    {
        private int written;

        public WriteOptions? WriteOptions { get; set; }

        public async Task WriteAsync(StreamTransfersResponse message)
        {
            // Late enough that answers have queued up behind it.
            await Task.Delay(50);
            if (++written == 3)
            {
                throw new IOException("broken");
            }
        }
    }

    private sealed class Context : ServerCallContext
    {
        protected override string MethodCore => "StreamTransfers";

        protected override string HostCore => "";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(1);

        protected override GrpcMetadata RequestHeadersCore => [];

        protected override CancellationToken CancellationTokenCore => default;

        protected override GrpcMetadata ResponseTrailersCore => [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore => new(null, []);

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
            throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(GrpcMetadata responseHeaders) => Task.CompletedTask;
    }
}
