using Google.Protobuf;
using Grpc.Core;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>What depends on the server's own way of ending calls, on the server that is used.</summary>
public sealed class KestrelTests
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(static (byte[] b) => b, static b => b);

    [Theory]
    [InlineData("ledger.v1.TransferService", "PostTransfer", 70_000, "REQUEST_TOO_LARGE", StatusCode.InvalidArgument)]
    [InlineData("ledger.v1.TransferService", "PostTransfer", 3, "MALFORMED_REQUEST", StatusCode.InvalidArgument)]
    [InlineData("ledger.v1.TransferService", "Nothing", 0, "METHOD_NOT_FOUND", StatusCode.Unimplemented)]
    [InlineData("ledger.v1.Nothing", "Nothing", 0, "METHOD_NOT_FOUND", StatusCode.Unimplemented)]
    public async Task What_the_server_refuses_itself_has_an_ErrorInfo(
        string service, string method, int bytes, string reason, StatusCode code)
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(o => o.MaxReceiveMessageBytes = 64 * 1024);
        var call = new Method<byte[], byte[]>(MethodType.Unary, service, method, Raw, Raw);
        var request = Enumerable.Repeat((byte)0xFF, bytes).ToArray();
        var error = await Errors.OfAsync(
            async () => await host.Channel.CreateCallInvoker().AsyncUnaryCall(call, null, default, request));
        (error.Code, error.Reason).ShouldBe((code, reason));
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/grpc.health.v1.Health/Check", "application/grpc", 3, "MALFORMED_REQUEST")]
    [InlineData(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "application/grpc", 3, "MALFORMED_REQUEST")]
    [InlineData("/grpc.health.v1.Health/Check", "text/plain", 3, "MALFORMED_REQUEST")]
    [InlineData("/ledger.v1.TransferService/", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData("/ledger.v1./", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData("/LEDGER.V1.TRANSFERSERVICE/POSTTRANSFERS", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData("/ledger.v1.TransferService/PostTransfers/", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData("/Ledger.V1.TransferService/PostTransfers", "text/plain", 12, "METHOD_NOT_FOUND")]
    [InlineData("/v1/batches%2f", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData("/somebody.Else/Nothing", "application/grpc", 12, "METHOD_NOT_FOUND")]
    [InlineData(
        "/GRPC.REFLECTION.V1.SERVERREFLECTION/SERVERREFLECTIONINFO", "application/grpc", 3, "MALFORMED_REQUEST")]
    public async Task What_no_service_can_read_is_no_defect_of_the_server(
        string path, string type, int code, string reason)
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(static o => o.EnableReflection = true);
        using var http = RawGrpc.Client();
        var ended = await RawGrpc.CallAsync(
            http, host.Address, path, RawGrpc.Frame([0xFF, 0xFF]), ("content-type", type));
        (ended.Code, ended.Reason, ended.Outcome).ShouldBe((code, reason, "not_applied"));
    }

    [Fact]
    public async Task What_an_application_s_own_service_answers_stays_as_it_is()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        using var http = RawGrpc.Client();
        var ended = await RawGrpc.CallAsync(http, host.Address, GrpcHost.OtherMethod, RawGrpc.Frame([1]));
        (ended.Code, ended.Reason).ShouldBe(((int)StatusCode.Unknown, ""));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_whose_deadline_passes_says_so_with_an_ErrorInfo(bool isOfCalls)
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        var release = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            await release.Task;
            return FakeLedger.Created(transfer);
        };
        using var http = RawGrpc.Client();
        var item = new CallItem { Id = 1, PostTransfer = new PostTransferRequest { Transfer = Samples.Transfer() } };
        IMessage request = isOfCalls
            ? new StreamCallsRequest { Items = { item } }
            : new StreamTransfersRequest { Sequence = 1, Transfer = Samples.Transfer() };
        var ended = await RawGrpc.CallAsync(
            http, host.Address,
            isOfCalls ? "/ledger.v1.StreamService/StreamCalls" : "/ledger.v1.TransferService/StreamTransfers",
            RawGrpc.Frame(request.ToByteArray()), ("grpc-timeout", "2S"));
        release.SetResult();
        (ended.Code, ended.Reason, ended.Outcome)
            .ShouldBe(((int)StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED", "unknown"));
    }

    [Fact]
    public async Task A_client_gets_the_answer_to_its_deadline_before_it_passes()
    {
        // A wide margin: the machine may be busy, and nothing here has run before.
        await using var host = await GrpcHost.StartOnKestrelAsync(o => o.DeadlineMargin = TimeSpan.FromSeconds(1));
        host.Ledger.OnTransfer = async (_, cancellation) =>
        {
            // As the ledger would, at the end of the time that it was given.
            await Task.Delay(host.Ledger.Calls.Last().Timeout!.Value, cancellation);
            throw new LedgerException(
                LedgerErrorReason.DeadlineExceeded, "No answer came.");
        };
        var error = await Errors.OfAsync(async () => await host.Transfers.PostTransferAsync(
            new PostTransferRequest { Transfer = Samples.Transfer() },
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10)));
        error.Reason.ShouldBe("DEADLINE_EXCEEDED");
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_its_calls()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        var arrived = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        host.Ledger.OnTransfer = async (transfer, cancellation) =>
        {
            cancellation.Register(cancelled.SetResult);
            arrived.SetResult();
            await cancelled.Task;
            return FakeLedger.Created(transfer);
        };
        using var stream = host.Transfers.StreamTransfers();
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 1, Transfer = Samples.Transfer() });
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20));
        stream.Dispose();
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_full_batch_fits_with_half_a_kilobyte_for_each()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        var request = Samples.Batch(8190);
        foreach (var transfer in request.Transfers)
        {
            transfer.DebitAccount = new string('d', 64);
            transfer.CreditAccount = new string('c', 64);
            transfer.Amount = UInt128.MaxValue.ToString();
            transfer.Asset = "ABCDEFGHIJKLMNOP/38";
            transfer.Code = uint.MaxValue;
            transfer.Reference = new string('r', 128);
            transfer.Metadata.Clear();
            for (var i = 0; i < 2; i++)
            {
                transfer.Metadata.Add($"key-{i:00}", new string('v', 50));
            }
        }

        request.CalculateSize().ShouldBeInRange(LedgerSizes.RequestMax * 9 / 10, LedgerSizes.RequestMax);
        (await host.Transfers.PostTransfersAsync(request)).Results.Count.ShouldBe(8190);
    }

    [Fact]
    public async Task A_long_stream_answers_each_once()
    {
        const int count = 20_000;
        await using var host = await GrpcHost.StartOnKestrelAsync();
        host.Ledger.OnTransfer = static async (transfer, _) =>
        {
            await Task.Yield();
            return FakeLedger.Created(transfer);
        };
        using var stream = host.Transfers.StreamTransfers();
        var sending = Task.Run(async () =>
        {
            for (var i = 1; i <= count; i++)
            {
                await stream.RequestStream.WriteAsync(
                    new StreamTransfersRequest { Sequence = (ulong)i, Transfer = Samples.Transfer() });
            }

            await stream.RequestStream.CompleteAsync();
        });
        var seen = new HashSet<ulong>();
        await foreach (var answer in stream.ResponseStream.ReadAllAsync())
        {
            seen.Add(answer.Sequence).ShouldBeTrue();
        }

        await sending;
        seen.Count.ShouldBe(count);
    }
}
