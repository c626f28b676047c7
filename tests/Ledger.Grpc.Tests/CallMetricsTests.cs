using System.Net;
using System.Text;
using Grpc.Core;
using Ledger.Tests.Shared;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>What calls are measured as, in each form that they have.</summary>
public sealed class CallMetricsTests : IDisposable
{
    private const string Duration = "ledger.call.duration";
    private const string Refused = "ledger.refused";

    private readonly MeterRecorder meter = new();

    public void Dispose() => meter.Dispose();

    [Fact]
    public async Task A_call_is_measured_by_method_and_code_and_a_refusal_by_its_reason()
    {
        await using var host = await GrpcHost.StartAsync(meter: meter);
        var call = new PostTransferRequest { Transfer = Samples.Transfer() };

        await host.Transfers.PostTransferAsync(call);
        meter.Of(Duration, "code=OK,method=ledger.v1.TransferService/PostTransfer").ShouldHaveSingleItem()
            .ShouldBeGreaterThan(0);
        meter.Measured.ShouldNotContain(static one => one.Name == Refused);

        host.Ledger.Failure = new LedgerException(LedgerErrorReason.Overloaded, "too much");
        await Should.ThrowAsync<RpcException>(async () => await host.Transfers.PostTransferAsync(call));
        meter.Of(Duration, "code=RESOURCE_EXHAUSTED,method=ledger.v1.TransferService/PostTransfer").Count.ShouldBe(1);
        meter.SumOf(Refused, "reason=OVERLOADED").ShouldBe(1);
    }

    [Fact]
    public async Task Each_transfer_of_a_stream_is_measured_and_not_the_stream()
    {
        await using var host = await GrpcHost.StartAsync(meter: meter);
        using var stream = host.Transfers.StreamTransfers();
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 1, Transfer = Samples.Transfer() });
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 2,
                Transfer = Samples.Transfer(static one => one.Amount = "much") });
        await stream.RequestStream.CompleteAsync();
        var answers = 0;
        await foreach (var _ in stream.ResponseStream.ReadAllAsync())
        {
            answers++;
        }

        answers.ShouldBe(2);
        const string method = "method=ledger.v1.TransferService/StreamTransfers";
        await Until.TrueAsync(() => meter.Measured.Count(static one => one.Name == Duration) >= 2);
        meter.Of(Duration, "code=OK," + method).Count.ShouldBe(1);
        meter.Of(Duration, "code=INVALID_ARGUMENT," + method).Count.ShouldBe(1);
        meter.SumOf(Refused, "reason=AMOUNT_NOT_A_NUMBER").ShouldBe(1);
    }

    [Fact]
    public async Task What_is_refused_before_a_handler_is_counted_once()
    {
        await using var host = await GrpcHost.StartAsync(
            static options => options.MaxReceiveMessageBytes = 65_536, meter);

        (await PostAsync("""{"nothing": 1}""")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        meter.SumOf(Refused, "reason=UNKNOWN_FIELD").ShouldBe(1);

        (await PostAsync(new string(' ', 200_000))).StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        meter.SumOf(Refused, "reason=REQUEST_TOO_LARGE").ShouldBe(1);

        var large = new PostTransferRequest
        {
            Transfer = Samples.Transfer(static one => one.Reference = new string('r', 100_000)),
        };
        await Should.ThrowAsync<RpcException>(async () => await host.Transfers.PostTransferAsync(large));
        await Until.TrueAsync(() => meter.SumOf(Refused, "reason=REQUEST_TOO_LARGE") >= 2);
        meter.Measured.Count(static one => one.Name == Refused).ShouldBe(3);
        meter.Measured.ShouldNotContain(static one => one.Name == Duration);

        Task<HttpResponseMessage> PostAsync(string body) => host.Http.PostAsync(
            new Uri("/v1/transfers", UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"));
    }

    [Fact]
    public async Task A_call_as_JSON_is_measured_as_the_same_method()
    {
        await using var host = await GrpcHost.StartAsync(meter: meter);
        host.Ledger.Failure = new LedgerException(LedgerErrorReason.JournalUnavailable, "away");

        (await host.Http.GetAsync(new Uri("/v1/accounts/shop", UriKind.Relative))).StatusCode
            .ShouldBe(HttpStatusCode.ServiceUnavailable);

        meter.Of(Duration, "code=UNAVAILABLE,method=ledger.v1.AccountService/GetAccount").Count.ShouldBe(1);
        meter.SumOf(Refused, "reason=JOURNAL_UNAVAILABLE").ShouldBe(1);
        meter.Measured.Count(static one => one.Name == Refused).ShouldBe(1);
    }
}
