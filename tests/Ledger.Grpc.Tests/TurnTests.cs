using System.Net;
using Grpc.Core;
using Ledger.Grpc.Access;
using Ledger.Grpc.Edge;
using Ledger.V1;
using Microsoft.Extensions.DependencyInjection;

namespace Ledger.Grpc.Tests;

/// <summary>Calls of a caller that has one turn: what holds it, and what becomes of those that wait.</summary>
public sealed class TurnTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private GrpcHost? host;

    private GrpcHost Host => host ?? throw new InvalidOperationException("It was not started.");

    private CallerTurns Caller =>
        Host.Services.GetRequiredService<CallTurns>().Of(PeerNetwork.Of(IPAddress.Loopback));

    public async Task InitializeAsync()
    {
        host = await GrpcHost.StartOnKestrelAsync(edge: new EdgeOptions { LatenessMax = TimeSpan.Zero });

        // One that stays open: whoever has no call for some time is forgotten, and its limit with it.
        Caller.TryOpen(int.MaxValue, 1).ShouldBeTrue();
        Caller.Limit(1);
        host.Ledger.OnTransfer = async (transfer, _) =>
        {
            await release.Task;
            return FakeLedger.Created(transfer);
        };
    }

    public async Task DisposeAsync()
    {
        release.TrySetResult();
        await Host.DisposeAsync();
    }

    [Fact]
    public async Task A_call_waits_for_the_one_before_it_and_gives_up_at_its_deadline()
    {
        var first = PostAsync();
        await UntilAsync(() => Caller.Working == 1);
        var late = await Should.ThrowAsync<RpcException>(() => PostAsync(TimeSpan.FromMilliseconds(300)));
        late.StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        await UntilAsync(() => Caller.Waiting == 0);
        var second = PostAsync();
        await UntilAsync(() => Caller.Waiting == 1);
        Host.Ledger.Calls.Count.ShouldBe(1);

        release.SetResult();
        await first.WaitAsync(s_patience);
        await second.WaitAsync(s_patience);
        await UntilAsync(() => Caller.Wanted == 0);
    }

    [Fact]
    public async Task A_call_whose_message_is_not_whole_holds_no_turn()
    {
        release.SetResult();
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var content = new HalfSent(sent);
        using var request = new HttpRequestMessage(HttpMethod.Post, "ledger.v1.TransferService/PostTransfer")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content,
        };
        using var gone = new CancellationTokenSource();
        var pending = Host.Http.SendAsync(request, gone.Token);
        await sent.Task.WaitAsync(s_patience);

        await PostAsync().WaitAsync(s_patience);

        (pending.IsCompleted, Caller.Wanted).ShouldBe((false, 0));
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => pending);
    }

    [Fact]
    public async Task Operators_calls_wait_for_nobody()
    {
        var first = PostAsync();
        await UntilAsync(() => Caller.Working == 1);
        await Host.Admin.ListInDoubtAsync(new ListInDoubtRequest()).ResponseAsync.WaitAsync(s_patience);
        release.SetResult();
        await first.WaitAsync(s_patience);
    }

    [Fact]
    public async Task Items_of_a_stream_wait_and_give_up_at_their_own_deadlines()
    {
        using var stream = Host.Streams.StreamCalls();
        (await stream.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeTrue();
        await stream.RequestStream.WriteAsync(new StreamCallsRequest { Items = { Item(1), Item(2, 300) } });
        (await stream.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeTrue();
        var answer = stream.ResponseStream.Current.Answers.ShouldHaveSingleItem();
        (answer.Id, (StatusCode)answer.Error.Code).ShouldBe((2ul, StatusCode.DeadlineExceeded));
        (Caller.Working, Caller.Wanted).ShouldBe((1, 1));

        release.SetResult();
        (await stream.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeTrue();
        stream.ResponseStream.Current.Answers.ShouldHaveSingleItem().Id.ShouldBe(1ul);
        await UntilAsync(() => Caller.Wanted == 0);
        await stream.RequestStream.CompleteAsync();
    }

    private static CallItem Item(ulong id, int? milliseconds = null) => new()
    {
        Id = id, PostTransfer = new PostTransferRequest { Transfer = Samples.Transfer() },
        Timeout = milliseconds is { } some
            ? Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMilliseconds(some))
            : null,
    };

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (!condition())
        {
            await Task.Delay(5, patience.Token);
        }
    }

    private async Task PostAsync(TimeSpan? deadline = null) => await Host.Transfers.PostTransferAsync(
        new PostTransferRequest { Transfer = Samples.Transfer() },
        deadline: deadline is { } some ? TimeProvider.System.GetUtcNow().UtcDateTime + some : null);

    // A message's head and a byte of ten.
    private sealed class HalfSent : HttpContent
    {
        private readonly TaskCompletionSource sent;

        public HalfSent(TaskCompletionSource sent)
        {
            this.sent = sent;
            Headers.ContentType = new("application/grpc");
        }

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(new byte[] { 0, 0, 0, 0, 10, 10 }, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            sent.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
