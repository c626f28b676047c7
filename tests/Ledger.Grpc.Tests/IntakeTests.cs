using System.IO.Compression;
using System.Net;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Ledger.Grpc.Edge;
using Ledger.Tests.Shared;
using Ledger.V1;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Grpc.Tests;

/// <summary>Goal: what is sent by half, too slowly, badly framed or packed is answered by name, costs no more memory
/// than the budget, and gives all of it back. Method: bytes as no library would send them, on the server that is
/// used.</summary>
public sealed class IntakeTests : IDisposable
{
    private const string Open = "/ledger.v1.AccountService/OpenAccounts";
    private const string Post = "/ledger.v1.TransferService/PostTransfer";
    private const string Stream = "/ledger.v1.TransferService/StreamTransfers";
    private const int Megabyte = 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly HttpClient http = RawGrpc.Client();

    [Theory]
    [InlineData(Open, 3 * Megabyte, Megabyte)]
    [InlineData(Open, 3 * Megabyte, 0)]
    [InlineData(Post, 100, 50)]
    [InlineData(Stream, 100, 50)]
    public async Task A_message_that_stays_half_is_ended_in_time(string method, int said, int sent)
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { BodyTimeout = TimeSpan.FromSeconds(1) });
        var ended = await RawGrpc.StallAsync(http, host.Address, method, RawGrpc.Frame(new byte[sent], 0, (uint)said))
            .WaitAsync(Patience);
        (ended.Code, ended.Reason, ended.Outcome)
            .ShouldBe(((int)StatusCode.DeadlineExceeded, "REQUEST_INCOMPLETE", "not_applied"));
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task A_call_whose_message_was_whole_in_time_may_be_worked_on_for_longer()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { BodyTimeout = TimeSpan.FromSeconds(1) });
        host.Ledger.OnTransfer = static async (transfer, cancellation) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(4), cancellation);
            return FakeLedger.Created(transfer);
        };
        var frame = RawGrpc.Frame(new PostTransferRequest { Transfer = Samples.Transfer() }.ToByteArray());
        var ended = await RawGrpc.CallAsync(http, host.Address, Post, async (stream, over) =>
        {
            // Late, so that the node waits for it.
            await stream.FlushAsync(over);
            await Task.Delay(TimeSpan.FromMilliseconds(200), over);
            await stream.WriteAsync(frame, over);
        }).WaitAsync(Patience);
        ended.Code.ShouldBe(0);
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task Headers_without_a_message_are_ended_in_time()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { BodyTimeout = TimeSpan.FromSeconds(1) });
        (await RawGrpc.StallAsync(http, host.Address, Post, []).WaitAsync(Patience)).Reason
            .ShouldBe("REQUEST_INCOMPLETE");
    }

    [Fact]
    public async Task What_does_not_fit_into_the_budget_is_refused_before_it_is_read_and_room_comes_back()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { InFlightBytesMax = 8 * Megabyte, BodyTimeout = TimeSpan.FromSeconds(3) });
        var bytes = host.Services.GetRequiredService<EdgeWall>().Bytes;
        var frame = RawGrpc.Frame(new byte[10], 0, 3 * Megabyte);
        var held = Enumerable.Range(0, 2).Select(_ => RawGrpc.StallAsync(http, host.Address, Open, frame)).ToArray();
        await Until.TrueAsync(() => bytes.Taken == 6 * Megabyte);

        var refused = await RawGrpc.StallAsync(http, host.Address, Open, frame).WaitAsync(Patience);
        (refused.Code, refused.Reason, refused.Outcome, refused.HasRetry)
            .ShouldBe(((int)StatusCode.ResourceExhausted, "OVERLOADED", "not_applied", true));

        // Whoever needs little is served beside them.
        (await host.Transfers.PostTransferAsync(new PostTransferRequest { Transfer = Samples.Transfer() }))
            .Result.Status.ShouldBe(V1.TransferStatus.Created);
        foreach (var one in held)
        {
            (await one.WaitAsync(Patience)).Reason.ShouldBe("REQUEST_INCOMPLETE");
        }

        await GivenBackAsync(host);
    }

    [Theory]
    [InlineData(Post, 2, 3u, "MALFORMED_REQUEST")]
    [InlineData(Post, 0, 0xFFFFFFFFu, "REQUEST_TOO_LARGE")]
    [InlineData(Post, 0, 10u, "MALFORMED_REQUEST")]
    [InlineData(Post, 1, 3u, "COMPRESSION_NOT_ACCEPTED")]
    [InlineData(Stream, 2, 3u, "MALFORMED_REQUEST")]
    [InlineData(Stream, 0, 0xFFFFFFFFu, "REQUEST_TOO_LARGE")]
    [InlineData(Stream, 0, 10u, "MALFORMED_REQUEST")]
    [InlineData(Stream, 1, 3u, "COMPRESSION_NOT_ACCEPTED")]
    public async Task A_bad_frame_is_answered_by_name_and_counted(string method, byte flag, uint length, string reason)
    {
        using var meter = new MeterRecorder();
        await using var host = await GrpcHost.StartOnKestrelAsync(meter: meter);
        var ended = await RawGrpc.CallAsync(
            http, host.Address, method, RawGrpc.Frame([1, 2, 3], flag, length), ("grpc-encoding", "gzip"))
            .WaitAsync(Patience);
        (ended.Reason, ended.Outcome).ShouldBe((reason, "not_applied"));
        meter.SumOf("ledger.refused", $"reason={reason}").ShouldBe(1);
        meter.SumOf("ledger.malformed", $"method={method[1..]}").ShouldBe(reason == "MALFORMED_REQUEST" ? 1 : 0);
        host.Ledger.Calls.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0 })]
    public async Task A_stream_that_ends_within_a_frame_is_answered_by_name(byte[] rest)
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();
        var whole = RawGrpc.Frame(
            new StreamTransfersRequest { Sequence = 1, Transfer = Samples.Transfer() }.ToByteArray());
        var ended = await RawGrpc.CallAsync(http, host.Address, Stream, [.. whole, .. rest]).WaitAsync(Patience);
        (ended.Code, ended.Reason).ShouldBe(rest.Length == 0 ? (0, "") : (3, "MALFORMED_REQUEST"));

        // What was whole has been answered.
        StreamTransfersResponse.Parser.ParseFrom(ended.Body.AsSpan(5)).Sequence.ShouldBe(1ul);
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task A_request_of_more_objects_than_bytes_is_refused_before_they_are_made()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync();

        // Field 1 with no bytes, two million times.
        var bytes = new byte[(4 * Megabyte) - 64];
        for (var i = 0; i < bytes.Length; i += 2)
        {
            bytes[i] = 0x0A;
        }

        var before = GC.GetTotalAllocatedBytes();
        var ended = await RawGrpc.CallAsync(http, host.Address, Open, RawGrpc.Frame(bytes)).WaitAsync(Patience);
        ended.Reason.ShouldBe("REQUEST_TOO_LARGE");
        (GC.GetTotalAllocatedBytes() - before).ShouldBeLessThan(64L * Megabyte);
        await GivenBackAsync(host);
    }

    [Fact]
    public void What_a_request_becomes_is_counted_by_its_objects()
    {
        var batch = Samples.Batch(100);
        var objects = batch.Transfers.Sum(static one => 1 + one.Metadata.Count
            + (one.Timeout is null ? 0 : 1) + (one.EffectiveTime is null ? 0 : 1));
        Extra(batch, PostTransfersRequest.Descriptor).ShouldBe(objects * WireShape.ObjectBytes);

        // What is not of the contract is kept as well; what can't be read ends the count.
        Extra([0xF8, 0x7F, 1, 0xF8, 0x7F, 1], PostTransferRequest.Descriptor).ShouldBe(2 * WireShape.ObjectBytes);
        Extra([0x0A, 0x7F], PostTransferRequest.Descriptor).ShouldBe(WireShape.ObjectBytes);
        Extra([0xFF], PostTransferRequest.Descriptor).ShouldBe(0);
    }

    [Fact]
    public async Task A_message_may_come_compressed_where_that_is_asked_for_and_no_bomb()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(edge: new EdgeOptions { AcceptCompression = true });
        var good = await RawGrpc.CallAsync(
            http, host.Address, Post,
            RawGrpc.Frame(Packed(new PostTransferRequest { Transfer = Samples.Transfer() }.ToByteArray()), 1),
            ("grpc-encoding", "gzip"));
        good.Code.ShouldBe(0);
        foreach (var method in (string[])[Post, Stream])
        {
            var bomb = await RawGrpc.CallAsync(
                http, host.Address, method, RawGrpc.Frame(Packed(new byte[60_000]), 1), ("grpc-encoding", "gzip"))
                .WaitAsync(Patience);
            (bomb.Reason, bomb.Outcome).ShouldBe(("MALFORMED_REQUEST", "not_applied"), method);
        }

        await GivenBackAsync(host);
    }

    [Fact]
    public async Task A_stream_on_which_nothing_comes_is_ended_in_good_order()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { StreamIdleTimeout = TimeSpan.FromSeconds(1) });
        using var stream = host.Transfers.StreamTransfers();
        await stream.RequestStream.WriteAsync(
            new StreamTransfersRequest { Sequence = 7, Transfer = Samples.Transfer() });
        (await stream.ResponseStream.MoveNext().WaitAsync(Patience)).ShouldBeTrue();
        stream.ResponseStream.Current.Sequence.ShouldBe(7ul);
        var error = await Errors.OfAsync(() => stream.ResponseStream.MoveNext().WaitAsync(Patience));
        (error.Code, error.Reason, error.Info.Metadata["outcome"])
            .ShouldBe((StatusCode.Unavailable, "STREAM_ENDED", "not_applied"));
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task A_stream_that_is_old_is_ended_and_what_was_read_of_it_is_answered()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { StreamAgeMax = TimeSpan.FromSeconds(1) });
        using var stream = host.Transfers.StreamTransfers();
        var sent = 0UL;
        var sending = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    await stream.RequestStream.WriteAsync(
                        new StreamTransfersRequest { Sequence = ++sent, Transfer = Samples.Transfer() });
                    await Task.Yield();
                }
            }
            catch (Exception e) when (e is RpcException or InvalidOperationException or IOException)
            {
                // It has ended.
            }
        });
        var answered = new HashSet<ulong>();
        var error = await Errors.OfAsync(async () =>
        {
            while (await stream.ResponseStream.MoveNext().WaitAsync(Patience))
            {
                answered.Add(stream.ResponseStream.Current.Sequence).ShouldBeTrue();
            }
        });
        error.Reason.ShouldBe("STREAM_ENDED");
        await sending.WaitAsync(Patience);
        answered.Count.ShouldBe(host.Ledger.Calls.Count);
        answered.Max().ShouldBe((ulong)answered.Count, "the first so many, and none of those that follow");
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task JSON_is_bounded_in_time_and_in_sum()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(
            edge: new EdgeOptions { InFlightBytesMax = 8 * Megabyte, BodyTimeout = TimeSpan.FromSeconds(2) },
            protocols: HttpProtocols.Http1);
        var bytes = host.Services.GetRequiredService<EdgeWall>().Bytes;
        using var slow = await SendAsync(host, 3 * Megabyte);
        await Until.TrueAsync(() => bytes.Taken == 6 * Megabyte);
        using var refused = await SendAsync(host, 2 * Megabyte);
        (await ReadAsync(refused)).ShouldContain("429");
        var late = await ReadAsync(slow);
        late.ShouldContain(" 408 ");
        late.ShouldContain("REQUEST_INCOMPLETE");
        await GivenBackAsync(host);
    }

    [Fact]
    public async Task A_list_of_JSON_that_is_too_long_is_refused_where_that_is_seen()
    {
        await using var host = await GrpcHost.StartOnKestrelAsync(protocols: HttpProtocols.Http1);
        var body = new StringBuilder("{\"transfers\":[{}").Insert(14, "{},", 500_000).Append(",nonsense");
        using var response = await host.Http.PostAsync(
            new Uri("/v1/transfers:batch", UriKind.Relative),
            new StringContent(body.ToString(), Encoding.UTF8, "application/json"));
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var text = await response.Content.ReadAsStringAsync();
        text.ShouldContain("BATCH_TOO_LARGE");
        text.ShouldContain("transfers holds more than 8190 items");
    }

    public void Dispose() => http.Dispose();

    private static long Extra(IMessage message, Google.Protobuf.Reflection.MessageDescriptor shape) =>
        Extra(message.ToByteArray(), shape);

    private static long Extra(byte[] bytes, Google.Protobuf.Reflection.MessageDescriptor shape) =>
        WireShape.Of(shape).ExtraBytes(new System.Buffers.ReadOnlySequence<byte>(bytes));

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static Task GivenBackAsync(GrpcHost host) =>
        Until.TrueAsync(() => host.Services.GetRequiredService<EdgeWall>().Bytes.Taken == 0);

    // A body of which the half never comes.
    private static async Task<System.Net.Sockets.TcpClient> SendAsync(GrpcHost host, int length)
    {
        var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            "POST /v1/accounts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {length}\r\n\r\n{{"));
        return client;
    }

    private static async Task<string> ReadAsync(System.Net.Sockets.TcpClient client)
    {
        var buffer = new byte[4096];
        var text = new StringBuilder();
        while (!text.ToString().Contains('}', StringComparison.Ordinal)
            && await client.GetStream().ReadAsync(buffer).AsTask().WaitAsync(Patience) is > 0 and var count)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        return text.ToString();
    }
}
